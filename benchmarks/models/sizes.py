# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The measured transformers: the embedded checkpoint's preset with another width, depth and grid."""

from typing import Any

from nuwa_hf import Grid, NuwaConfig


HEAD_SIZE = 64


def sized_config(hidden_size: int, layers: int, grid: Grid, **fields: Any) -> NuwaConfig:
    """The embedded preset at another size, with the paper's window.

    Args:
        hidden_size (`int`): width; heads are 64 wide.
        layers (`int`): decoder layers.
        grid (`Grid`): the largest (T, H, W).
        **fields: other fields of the configuration.

    Returns:
        `NuwaConfig`: the configuration.
    """
    return NuwaConfig.from_preset(
        "emoji-motion",
        hidden_size=hidden_size,
        num_attention_heads=max(1, hidden_size // HEAD_SIZE),
        num_decoder_layers=layers,
        visual_grid=tuple(grid),
        **{"window": (3, 3, 3), **fields},
    )
