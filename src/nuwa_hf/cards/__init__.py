# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Model cards: of a training run, and of a checkpoint that the judges have scored."""
