# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How much of a file is read, and how much of a clip is held: one rule for pipelines and data sets."""

MAX_DECODED_FRAMES = 100_000  # of one file: a few bytes of a damaged or hostile one can ask for far more
MAX_CLIP_FRAMES = 4096  # that a clip may have at the rate it is sampled to: all of them are in memory at once
