# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights of other packages to ours and back; the commands are in `conversion_scripts/`."""
