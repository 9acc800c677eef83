# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Many images or videos onto the disk: folders that a stopped run goes on in, work shared by processes."""
