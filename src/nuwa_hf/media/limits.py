# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How much of a clip is held: one rule for pipelines, data sets and the command line, whose help reads no picture."""

MAX_CLIP_FRAMES = 4096  # that a clip may have at the rate it is sampled to: all of them are in memory at once
