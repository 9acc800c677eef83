# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Stored class maps: the sketches of a clip, as pictures, animations or numbers."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from nuwa_hf.media.class_indices import class_indices
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.sources import open_media


def read_class_maps(
    value: Any, numbers: Sequence[int], *, frame_rate: float, start: Fraction = Fraction(0)
) -> np.ndarray:
    """The class maps of a clip's sampled frames.

    An animated PNG has times of its own and is sampled as the clip was. A list of pictures, or numbers of shape
    `(frames, Y, X)`, have one map for each frame of the clip before it was sampled. A picture, or numbers of shape
    `(Y, X)`, are the map of a single frame.

    Args:
        value: what `open_media` takes, a list of these, or whole numbers as an array or nested lists.
        numbers (`Sequence[int]`): of the frames that were sampled: how many come before each.
        frame_rate (`float`): the rate at which they were.
        start (`Fraction`, *optional*): when the first of them is shown, in seconds; by default 0.

    Returns:
        `np.ndarray` of shape `(len(numbers), rows, columns)`, whole numbers.

    Raises:
        BrokenMediaError: If it cannot be read, is no class map, or has too few frames.
    """
    try:
        if isinstance(value, list | tuple | np.ndarray):
            maps = _read_list(value, numbers)
        else:
            maps = _read_pictures(value, start, frame_rate, len(numbers))
        if len({one.shape for one in maps}) != 1:
            raise BrokenMediaError("has maps of several sizes")
    except BrokenMediaError as error:
        raise BrokenMediaError(f"has a sketch that {error}; {error.remedy}") from error
    return np.stack(maps)


def _read_pictures(value: Any, start: Fraction, frame_rate: float, num_frames: int) -> list[np.ndarray]:
    with open_media(value) as media:
        if media.picture is None:
            raise BrokenMediaError("is no picture")
        frames = media.window(start=start, frame_rate=frame_rate, num_frames=num_frames)
        return [class_indices(frame.picture()) for frame in frames]


def _read_list(value: Any, numbers: Sequence[int]) -> list[np.ndarray]:
    """The maps of these frames; value has one for each frame, and no other picture is read."""
    if len(value) == 0:
        raise BrokenMediaError("has no maps")
    is_of_pictures = not isinstance(value, np.ndarray) and not isinstance(value[0], list | tuple | np.ndarray)
    maps = value if is_of_pictures else _arrays(value)
    if max(numbers) >= len(maps):
        raise BrokenMediaError(f"has {len(maps)} maps, fewer than the clip has frames")
    chosen = [maps[number] for number in numbers]
    return [_read_pictures(one, Fraction(0), 1, 1)[0] for one in chosen] if is_of_pictures else chosen


def _arrays(value: Any) -> list[np.ndarray]:
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise BrokenMediaError("has maps of several sizes") from error
    if found.ndim not in (2, 3) or not np.issubdtype(found.dtype, np.integer):
        raise BrokenMediaError(f"has {found.dtype} numbers of shape {found.shape}, not whole ones of (frames, Y, X)")
    return list(found.reshape(-1, *found.shape[-2:]))
