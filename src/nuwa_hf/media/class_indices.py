# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pictures whose values are the classes of a sketch."""

import numpy as np
import PIL.Image

from nuwa_hf.media.errors import BrokenMediaError


# The first changes values, the second numbers colours anew, the last may do either.
LOSSY_FORMATS = ("JPEG", "GIF", "WEBP")


def class_indices(picture: PIL.Image.Image) -> np.ndarray:
    """The class of each pixel.

    Args:
        picture (`PIL.Image.Image`): of mode "P" or "L".

    Returns:
        `np.ndarray` of shape `(Y, X)`: uint8.

    Raises:
        BrokenMediaError: If its format does not keep class indices, or its mode has none.
    """
    if picture.format in LOSSY_FORMATS:
        raise BrokenMediaError(
            f"is a {picture.format}, which does not keep class indices",
            rule="of a format that keeps class indices",
            remedy="save it as PNG, and an animation as animated PNG or one PNG for each frame",
        )
    if picture.mode not in ("P", "L"):
        raise BrokenMediaError(
            f"is of mode {picture.mode!r}",
            rule='of mode "P" or "L", whose values are class indices',
            remedy="make it with `color_class_map`, or give the indices as an integer array",
        )
    return np.array(picture)
