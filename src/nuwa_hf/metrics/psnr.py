# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Peak signal-to-noise ratio."""

import torch
from torch import Tensor


BEST_PSNR = 100.0  # decibels that stand for equal pixels, so that means and reports stay finite


def psnr(pixels: Tensor, reference: Tensor, mask: Tensor | None = None, *, value_range: float = 1.0) -> Tensor:
    """Peak signal-to-noise ratio over all pixels of all images together.

        PSNR = min(10 log10(value_range^2 / mean((pixels - reference)^2)), 100)

    Args:
        pixels (`torch.Tensor` of shape `(..., C, Y, X)`): images or clips.
        reference (`torch.Tensor` of the same shape): the originals.
        mask (`torch.Tensor` of shape `(..., Y, X)`, *optional*): True or 1 at the pixels that count; all by default.
        value_range (`float`, defaults to 1.0): the difference between white and black, 2 for pixels in [-1, 1].

    Returns:
        `torch.Tensor`, a scalar: decibels, at most 100, as for equal pixels; not a number if the mask counts no pixel.
    """
    error = (pixels.float() - reference.float()).square().mean(dim=-3)
    mean = error.mean() if mask is None else (error * mask).sum() / mask.sum()
    return (10 * torch.log10(value_range**2 / mean)).clamp(max=BEST_PSNR)
