# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a checkpoint is and can do, without loading its weights: `nuwa-hf info`."""
