# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A checkpoint that brings its code along, for `trust_remote_code=True` where nuwa_hf is not installed."""
