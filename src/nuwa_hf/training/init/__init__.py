# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The first settings for a data set: `nuwa-hf init`."""
