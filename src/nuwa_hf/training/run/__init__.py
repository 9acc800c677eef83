# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What every training run has: arguments, steps, order of the data, checkpoints, trackers."""
