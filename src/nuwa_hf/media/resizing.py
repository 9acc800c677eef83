# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pictures and class maps of another size."""

from collections.abc import Sequence

import numpy as np
import PIL.Image

from nuwa_hf.media.colors import to_rgb


Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels


def resize_picture(picture: PIL.Image.Image, height: int, width: int, box: Box | None = None) -> PIL.Image.Image:
    """A picture, or a box in it, at a size; pixels that need no resizing are kept.

    Args:
        picture (`PIL.Image.Image`): of mode "RGB" or "L".
        height (`int`): rows.
        width (`int`): columns.
        box (`Box`, *optional*): the part to resize; by default all of it.

    Returns:
        `PIL.Image.Image`: of the same mode.
    """
    return picture.resize((width, height), PIL.Image.Resampling.BICUBIC, box=box)


def fit_picture(picture: PIL.Image.Image, height: int, width: int, box: Box | None = None) -> np.ndarray:
    """A picture cut to an aspect and resized.

    Args:
        picture (`PIL.Image.Image`): of any mode; transparent pixels are put on white.
        height (`int`): rows.
        width (`int`): columns.
        box (`Box`, *optional*): the part to show, of that aspect; by default the largest in the middle.

    Returns:
        `np.ndarray` of shape `(height, width, 3)`, uint8.

    Raises:
        BrokenMediaError: If its mode cannot be shown.
    """
    rgb = to_rgb(picture)
    part = middle_box(rgb.height, rgb.width, height, width) if box is None else box
    return np.array(resize_picture(rgb, height, width, part))


def middle_box(rows: int, columns: int, height: int, width: int) -> Box:
    """The largest box of an aspect in the middle of a picture.

    Args:
        rows (`int`): of the picture.
        columns (`int`): of the picture.
        height (`int`): the aspect's height.
        width (`int`): the aspect's width.

    Returns:
        `Box`.
    """
    box_rows, box_columns = min(rows, columns * height / width), min(columns, rows * width / height)
    left, top = (columns - box_columns) / 2, (rows - box_rows) / 2
    return left, top, left + box_columns, top + box_rows


def resize_class_maps(maps: np.ndarray, height: int, width: int, box: Box | None = None) -> np.ndarray:
    """Class maps, or a box in them, at a size: every pixel is that which its centre lies in.

    Args:
        maps (`np.ndarray` of shape `(..., Y, X)`): class maps.
        height (`int`): rows.
        width (`int`): columns.
        box (`Box`, *optional*): the part to resize; by default all of them.

    Returns:
        `np.ndarray` of shape `(..., height, width)`, of the same type.
    """
    left, top, right, bottom = (0, 0, maps.shape[-1], maps.shape[-2]) if box is None else box
    rows = np.floor(top + (np.arange(height) + 0.5) * (bottom - top) / height).astype(int)
    columns = np.floor(left + (np.arange(width) + 0.5) * (right - left) / width).astype(int)
    return maps[..., rows[:, None], columns]


def enlarge(frames: Sequence[PIL.Image.Image], factor: int) -> list[PIL.Image.Image]:
    """Frames with every pixel as a square of `factor` by `factor` pixels.

    Args:
        frames (`Sequence[PIL.Image.Image]`): the clip.
        factor (`int`): at least 1.

    Returns:
        `list[PIL.Image.Image]`: the enlarged clip.

    Raises:
        ValueError: If the factor is below 1.
    """
    if factor < 1:
        raise ValueError(f"`factor` must be at least 1, got {factor}; use 1 to leave them as they are.")
    nearest = PIL.Image.Resampling.NEAREST
    return [frame.resize((frame.width * factor, frame.height * factor), nearest) for frame in frames]
