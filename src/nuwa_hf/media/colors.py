# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every kind of pixel as 8-bit RGB: one rule for 16 bits, for floats and for transparency."""

import numpy as np
import PIL.Image

from nuwa_hf.media.errors import BrokenMediaError, pillow_reading


def to_eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Grey levels of more than 8 bits, which Pillow would cut off, rounded to 8.

    Args:
        picture (`PIL.Image.Image`): of any mode.

    Returns:
        `PIL.Image.Image`: of mode "L" in place of "F", whose levels are in [0, 1], and of "I" and its like, which have
            16 bits, or 8 if none is above 255; any other picture as it is.

    Raises:
        BrokenMediaError: If its levels are out of range.
    """
    if picture.mode == "F":
        levels, white = np.array(picture), 1
        is_valid = np.isfinite(levels).all() and levels.min() >= 0 and levels.max() <= 1
        rule = "an image of 8 bits, or of floats in [0, 1]"
    elif picture.mode.startswith("I"):
        levels = np.array(picture).astype(np.int64)
        # Pillow makes mode "I" from 8 bits without scaling; of the 16 bits of a file it makes "I;16".
        white = 255 if picture.mode == "I" and levels.max() <= 255 else 65535
        is_valid = levels.min() >= 0 and levels.max() <= 65535
        rule = "an image of 8 bits, or with levels of 16 bits, 0 to 65535"
    else:
        return picture
    if not is_valid:
        raise BrokenMediaError(
            f"is of mode {picture.mode!r} and has {levels.min():g} to {levels.max():g}",
            rule=rule,
            remedy="convert it to 8 bits first",
        )
    return PIL.Image.fromarray(np.rint(levels * (255 / white)).astype(np.uint8))


def is_transparent(picture: PIL.Image.Image) -> bool:
    """Whether any pixel lets something shine through.

    Args:
        picture (`PIL.Image.Image`): of any mode.

    Returns:
        `bool`.
    """
    return picture.has_transparency_data and picture.convert("RGBA").getchannel("A").getextrema()[0] < 255


def to_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A picture of any mode as RGB, on white where it is transparent.

    Args:
        picture (`PIL.Image.Image`): the picture.

    Returns:
        `PIL.Image.Image` of mode "RGB".

    Raises:
        BrokenMediaError: If its mode cannot be shown, or its levels are out of range.
    """
    picture = to_eight_bits(picture)
    try:
        if not is_transparent(picture):
            return picture.convert("RGB")
        rgba = picture.convert("RGBA")
    except ValueError as error:
        raise BrokenMediaError(
            f"is of mode {picture.mode!r}", rule="of a mode that converts to RGB", remedy="convert it first"
        ) from error
    with pillow_reading():
        return PIL.Image.alpha_composite(PIL.Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
