# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pictures the right way up, with square pixels: what a camera notes beside the frames that its sensor stored."""

import math
import struct
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import PIL.Image
import PIL.ImageOps
from av.sidedata.sidedata import SideDataContainer, Type

from nuwa_hf.media.errors import BrokenMediaError, pillow_reading


def upright(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A still picture turned and mirrored as its EXIF data say.

    Args:
        picture (`PIL.Image.Image`): any picture; it stays as it is.

    Returns:
        `PIL.Image.Image`: a new picture of the same mode and format, all of its pixels read.

    Raises:
        BrokenMediaError: If it has no pixels, or they cannot be read.
    """
    if 0 in picture.size:
        raise BrokenMediaError("has none", rule="an image of at least one pixel", remedy="give another")
    with pillow_reading():
        picture.load()
        turned = PIL.ImageOps.exif_transpose(picture)
    turned.format = picture.format
    return turned


def upright_array(frame: av.VideoFrame, pixels: np.ndarray) -> np.ndarray:
    """A video's frame turned and mirrored as its display matrix says, in quarter turns.

    Args:
        frame (`av.VideoFrame`): has the matrix, or none.
        pixels (`np.ndarray` of shape `(Y, X, C)`): its pixels as they are stored.

    Returns:
        `np.ndarray` of shape `(Y, X, C)` or `(X, Y, C)`.
    """
    matrix = _display_matrix(frame)
    if matrix is None:
        return pixels
    # A stored pixel (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = struct.unpack("=5i", matrix[:20])
    if abs(b) > abs(a):
        pixels = pixels.swapaxes(0, 1)
        a, d = c, b
    if a < 0:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if d < 0 else pixels


def _display_matrix(frame: av.VideoFrame) -> bytes | None:
    # Of its own container, `frame.side_data`, a frame and its pixels would be kept alive in a circle.
    found = SideDataContainer.__new__(SideDataContainer)
    # Up to version 18, PyAV stops with a ValueError at the first entry of a kind that it has no name for, such as the
    # EXIF data of a camera's Motion JPEG. FFmpeg puts the matrix before these.
    with suppress(ValueError):
        found.__init__(frame)
    matrix = found.get(Type.DISPLAYMATRIX)
    return None if matrix is None else bytes(matrix)


def check_pixels(width: int, height: int) -> None:
    """Require frames that are small enough to be decoded.

    Args:
        width (`int`): stored columns.
        height (`int`): stored rows.

    Raises:
        BrokenMediaError: If they have more pixels than Pillow reads.
    """
    if _is_too_large(width, height):
        raise BrokenMediaError(
            f"has too many pixels to be read safely: frames of {width}x{height}", remedy="shrink it first"
        )


def _is_too_large(width: int, height: int) -> bool:
    return width * height > 2 * (PIL.Image.MAX_IMAGE_PIXELS or math.inf)  # what Pillow refuses


def square_size(width: int, height: int, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """The size at which a stored frame is shown: the side along which its pixels are long is enlarged.

    Args:
        width (`int`): stored columns.
        height (`int`): stored rows.
        pixel_aspect (`Fraction`, *optional*): width of a pixel over its height; None or 0 if it is not known.

    Returns:
        `tuple[int, int]`: width and height.

    Raises:
        BrokenMediaError: If that is far too large.
    """
    check_pixels(width, height)
    aspect = pixel_aspect or Fraction(1)
    width, height = (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))
    if _is_too_large(width, height):
        raise BrokenMediaError(
            f"has pixels {aspect} times as wide as high, which makes frames of {width}x{height}",
            remedy="set the right aspect",
        )
    return width, height
