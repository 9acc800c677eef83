# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every kind of pixel as 8-bit sRGB: one rule for 16 bits, for floats, for transparency and for colour profiles."""

from functools import lru_cache
from io import BytesIO

import numpy as np
import PIL.Image
from PIL import ImageCms, features

from nuwa_hf.media.errors import BrokenMediaError, pillow_reading


# The modes of pixels that a colour profile of each kind is about.
MODES_OF_PROFILES = {"RGB": ("RGB", "RGBA"), "GRAY": ("L",), "CMYK": ("CMYK",)}


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


def in_srgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """The colours that a picture's ICC profile means, such as the Display P3 of telephones, as those of sRGB.

    Args:
        picture (`PIL.Image.Image`): of any mode; the profile is in its `info`.

    Returns:
        `PIL.Image.Image`: without the profile, of mode "RGB" or "RGBA". As it is where it has no profile, one of sRGB,
            one that is damaged or of other pixels, or where Pillow was built without LittleCMS.
    """
    profile = picture.info.get("icc_profile")
    if not profile or not features.check("littlecms2"):
        return picture
    with pillow_reading():
        if picture.has_transparency_data:  # which may be a colour, that would be another one then
            colors = picture.convert("LA" if picture.mode in ("L", "LA") else "RGBA")
        else:
            colors = picture.convert("RGB") if picture.mode == "P" else picture
        transform = _to_srgb(profile, colors.mode)
        if transform is None:
            return picture
        converted = transform.apply(colors)
    converted.info = {}
    return converted


@lru_cache(maxsize=16)
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if mode not in MODES_OF_PROFILES.get(source.profile.xcolor_space.strip(), ()):
            return None
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, target, mode, "RGBA" if mode == "RGBA" else "RGB")
    except (OSError, UnicodeDecodeError, ImageCms.PyCMSError):
        return None
    if mode in ("RGB", "RGBA"):
        levels = np.indices((16, 16, 16), np.uint8).reshape(3, 64, 64).transpose(1, 2, 0) * 17
        colors = PIL.Image.fromarray(np.ascontiguousarray(levels)).convert(mode)
        difference = np.asarray(transform.apply(colors)).astype(int) - np.asarray(colors)
        if abs(difference).max() <= 1:  # sRGB already, but for rounding
            return None
    return transform


def to_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A picture of any mode as sRGB, on white where it is transparent.

    Args:
        picture (`PIL.Image.Image`): the picture.

    Returns:
        `PIL.Image.Image` of mode "RGB".

    Raises:
        BrokenMediaError: If its mode cannot be shown, or its levels are out of range.
    """
    picture = in_srgb(to_eight_bits(picture))
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
