# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Stored class maps: the sketches of a clip, as pictures, animations or numbers."""

from typing import Any

import numpy as np
import PIL.Image

from .frame_sampling import BrokenClipError, TimedFrame, sample_frames
from .media_files import middle_box, open_media, timed_frames


LOSSY_FORMATS = ("JPEG", "GIF", "WEBP")  # the first changes values, the second numbers colours anew


def read_class_maps(value: Any, clip: list[TimedFrame], *, frame_rate: float) -> np.ndarray:
    """The class maps of a clip's sampled frames.

    An animated PNG has times of its own and is sampled as the clip was. A list of pictures, or numbers of shape
    `(frames, Y, X)`, have one map for each frame of the clip before it was sampled. A picture, or numbers of shape
    `(Y, X)`, are the map of a single frame.

    Args:
        value: what `open_media` takes, a list of these, or whole numbers as an array or nested lists.
        clip (`list[TimedFrame]`): the frames that were sampled.
        frame_rate (`float`): the rate at which they were.

    Returns:
        `np.ndarray` of shape `(len(clip), rows, columns)`, whole numbers.

    Raises:
        BrokenClipError: If it cannot be read, is no class map, or has too few frames.
    """
    try:
        if isinstance(value, list | tuple | np.ndarray):
            maps = _read_list(value)
            if max(frame.number for frame in clip) >= len(maps):
                raise BrokenClipError(f"has {len(maps)} maps, fewer than the clip has frames")
            maps = [maps[frame.number] for frame in clip]
        else:
            frames = sample_frames(_frames_of(value), frame_rate=frame_rate, num_frames=len(clip))
            maps = [_read_picture(frame.picture()) for frame in frames]
        if len({one.shape for one in maps}) != 1:
            raise BrokenClipError("has maps of several sizes")
    except BrokenClipError as error:
        raise BrokenClipError(f"has a sketch that {error}") from error
    return np.stack(maps)


def fit_class_maps(maps_TYX: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of class maps, cut to an aspect and resized: every pixel is that which its centre lies in.

    Args:
        maps_TYX (`np.ndarray` of shape `(T, Y, X)`): class maps.
        height (`int`): rows.
        width (`int`): columns.

    Returns:
        `np.ndarray` of shape `(T, height, width)`, of the same type.
    """
    left, top, right, bottom = middle_box(*maps_TYX.shape[1:], height, width)
    rows = np.floor(top + (np.arange(height) + 0.5) * (bottom - top) / height).astype(int)
    columns = np.floor(left + (np.arange(width) + 0.5) * (right - left) / width).astype(int)
    return maps_TYX[:, rows[:, None], columns]


def _frames_of(value: Any):
    opened = open_media(value)
    if not isinstance(opened, PIL.Image.Image):
        raise BrokenClipError("is no picture")
    return timed_frames(opened)


def _read_list(value) -> list[np.ndarray]:
    """One map for each frame."""
    if len(value) == 0:
        raise BrokenClipError("has no maps")
    if not isinstance(value, np.ndarray) and not isinstance(value[0], list | tuple | np.ndarray):
        return [_read_picture(next(_frames_of(one)).picture()) for one in value]
    try:
        numbers = np.asarray(value)
    except ValueError as error:
        raise BrokenClipError("has maps of several sizes") from error
    if numbers.ndim not in (2, 3) or not np.issubdtype(numbers.dtype, np.integer):
        raise BrokenClipError(
            f"has {numbers.dtype} numbers of shape {numbers.shape}, not whole ones of (frames, Y, X)"
        )
    return list(numbers.reshape(-1, *numbers.shape[-2:]))


def _read_picture(picture: PIL.Image.Image) -> np.ndarray:
    if picture.format in LOSSY_FORMATS:
        raise BrokenClipError(f"is a {picture.format}, which does not keep class indices; save it as PNG")
    if picture.mode not in ("P", "L"):
        raise BrokenClipError(f'is of mode {picture.mode!r}, where the values of "P" or "L" are class indices')
    return np.array(picture)
