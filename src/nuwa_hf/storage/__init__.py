# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Checkpoints as folders: where one is found, what it holds, whether it is whole, and how one is written."""
