# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A picture of originals with their reconstructions below them."""

import torch
from PIL import Image
from torch import Tensor


SHEET_SCALE = 3
SHEET_COLUMNS = 8


def sample_sheet(pixels: Tensor, sample: Tensor) -> Image.Image:
    """Originals over their reconstructions, eight in a row, every pixel three times as large.

    Args:
        pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): the originals in [-1, 1].
        sample (`torch.Tensor` of shape `(B, 3, Y, X)`): the reconstructions.

    Returns:
        `PIL.Image.Image`.
    """
    columns = min(SHEET_COLUMNS, len(pixels))
    bands = []
    for start in range(0, len(pixels), columns):
        for images in (pixels[start : start + columns], sample[start : start + columns]):
            band = torch.ones(columns, *images.shape[1:])
            band[: len(images)] = images
            bands.append(torch.cat(list(band), dim=-1))
    sheet = ((torch.cat(bands, dim=-2).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    image = Image.fromarray(sheet.permute(1, 2, 0).contiguous().numpy())
    return image.resize((image.width * SHEET_SCALE, image.height * SHEET_SCALE), Image.Resampling.NEAREST)
