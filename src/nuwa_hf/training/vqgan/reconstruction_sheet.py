# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A picture of originals with their reconstructions below them."""

import PIL.Image
from torch import Tensor

from nuwa_hf.media import contact_sheet, enlarge


SHEET_HEIGHT = 192  # images are enlarged by a whole factor, to at most this many pixels
SHEET_COLUMNS = 8


def sample_sheet(pixels: Tensor, sample: Tensor) -> PIL.Image.Image:
    """Rows of originals, called "truth", over rows of their reconstructions, called "codec".

    Args:
        pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): the originals in [-1, 1].
        sample (`torch.Tensor` of shape `(B, 3, Y, X)`): the reconstructions.

    Returns:
        `PIL.Image.Image`: eight images in a row.
    """
    factor = max(1, SHEET_HEIGHT // pixels.shape[-2])
    truth, codec = (enlarge(_pictures(images), factor) for images in (pixels, sample))
    starts = range(0, len(truth), SHEET_COLUMNS)
    rows = [images[start : start + SHEET_COLUMNS] for start in starts for images in (truth, codec)]
    return contact_sheet(rows, ["truth", "codec"] * len(starts))


def _pictures(images: Tensor) -> list[PIL.Image.Image]:
    bytes_BYXC = ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [PIL.Image.fromarray(image) for image in bytes_BYXC]
