# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sizes of the transformer by name, and the window over conditions that fits a grid."""

from typing import Any

from nuwa_hf.grid import Grid


# From the largest to the smallest. The first two are the paper's (section "Implementation Details"); the last is that
# of the checkpoint that ships with the package, which is small enough to be trained and run on a CPU. Every head has
# 64 numbers. Vocabulary, codebooks and grid are those of typical small data; training takes them from its components.
PRESETS: dict[str, dict[str, Any]] = {
    "nuwa-336": {"visual_grid": (10, 21, 21), "condition_window": (3, 3, 3)},
    "nuwa-256": {"visual_grid": (4, 32, 32), "condition_window": (3, 3, 3)},
    "base": {
        "vocab_size": 4096,
        "codebook_size": 1024,
        "sketch_codebook_size": 256,
        "hidden_size": 640,
        "num_attention_heads": 10,
        "num_encoder_layers": 6,
        "num_decoder_layers": 12,
        "visual_grid": (8, 16, 16),
        "frame_rate": 4,
    },
    "small": {
        "vocab_size": 2048,
        "codebook_size": 1024,
        "sketch_codebook_size": 256,
        "hidden_size": 448,
        "num_attention_heads": 7,
        "num_encoder_layers": 4,
        "num_decoder_layers": 10,
        "visual_grid": (8, 16, 16),
        "frame_rate": 4,
    },
    "tiny": {
        "vocab_size": 512,
        "codebook_size": 512,
        "sketch_codebook_size": 256,
        "hidden_size": 256,
        "num_attention_heads": 4,
        "num_encoder_layers": 3,
        "num_decoder_layers": 8,
        "visual_grid": (6, 8, 8),
        "frame_rate": 4,
    },
    "emoji-motion": {
        "vocab_size": 338,
        "codebook_size": 160,
        "sketch_codebook_size": 256,
        "hidden_size": 192,
        "num_attention_heads": 3,
        "num_encoder_layers": 2,
        "num_decoder_layers": 6,
        "visual_grid": (6, 8, 8),
        "window": (5, 3, 7),
        "input_window": (3, 3, 3),
        "frame_rate": 4,
    },
}
# The extent in space of the window over conditions, as a share of the grid's: five of eight places.
CONDITION_SHARE = 5, 8


def condition_window_of(grid: Grid) -> tuple[int, int, int]:
    """The window over a visual condition for a grid: every frame, and 5/8 of the rows and columns around a place.

    A given frame is then seen from every frame that is drawn, however far away it is. For the grid (6, 8, 8) of the
    embedded checkpoint this is (11, 5, 5).

        (2 t - 1, odd(5 h / 8), odd(5 w / 8))      with odd(x) the smallest odd number that is at least x

    The paper's presets keep the paper's window (3, 3, 3) for every grid.

    Args:
        grid (`Grid`): the largest grid of the clips.

    Returns:
        `tuple[int, int, int]`: odd extents along time, height and width.
    """
    share, whole = CONDITION_SHARE
    rows, columns = (-(-share * extent // whole) // 2 * 2 + 1 for extent in (grid.h, grid.w))
    return 2 * grid.t - 1, rows, columns
