# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How the tests of samples read them: as the tiny checkpoint does, and as the tests' EmojiMotion is drawn."""

from tiny import FACTOR, FRAME_RATE, VISUAL_GRID


SIZE = {
    "num_frames": VISUAL_GRID[0],
    "height": VISUAL_GRID[1] * FACTOR,
    "width": VISUAL_GRID[2] * FACTOR,
    "frame_rate": FRAME_RATE,
}
EMOJI_SIZE = {"num_frames": 3, "height": 16, "width": 16, "frame_rate": 4}
