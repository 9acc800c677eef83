# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How well what fills a hole joins on to what is around it."""

import torch
from torch import Tensor


def seam(images: Tensor, masks: Tensor) -> float:
    """How much the colours jump at the border of what was filled.

        mean over all pairs (p, q) of neighbouring pixels, above or beside each other, p filled and q kept,
        of mean_c |image_c(p) - image_c(q)|

    A real image jumps there too, at the outlines that the border happens to cross: its own seam is the best value.

    Args:
        images (`torch.Tensor` of shape `(B, 3, Y, X)`): in [0, 1], the kept pixels as they were.
        masks (`torch.BoolTensor` of shape `(B, Y, X)`): True where filled.

    Returns:
        `float`: in [0, 1].

    Raises:
        ValueError: If no border is there.
    """
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().mean(1)[masks[:, 1:] != masks[:, :-1]]
    across = (images[..., 1:] - images[..., :-1]).abs().mean(1)[masks[..., 1:] != masks[..., :-1]]
    jumps = torch.cat([down, across])
    if jumps.numel() == 0:
        raise ValueError("`masks` must have a border between filled and kept pixels, got none; fill only a part.")
    return jumps.mean().item()
