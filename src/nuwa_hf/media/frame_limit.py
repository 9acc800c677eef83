# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Bounds on what is read from one file: its frames, their pixels, and the time that it takes."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import TypeVar

from nuwa_hf.media.errors import BrokenMediaError


Frame = TypeVar("Frame")
# One after another: a few bytes of a damaged or hostile file can ask for far more.
MAX_DECODED_FRAMES = 100_000
MAX_VIDEO_PIXELS = 2**38  # more than that many frames of 1920x1080
MAX_ANIMATION_PIXELS = 2**32  # 2,000 frames of 1920x1080; Pillow makes the whole picture anew for each
_DEADLINE = ContextVar("deadline", default=math.inf)


def limited(
    frames: Iterable[Frame], pixels: Callable[[Frame], int] | None = None, max_pixels: int = 0
) -> Iterator[Frame]:
    """Frames that are read one after another, but not endlessly many, of endlessly many pixels, or for ever.

    Args:
        frames (`Iterable`): the frames.
        pixels (`Callable`, *optional*): the pixels of a frame; by default they do not count.
        max_pixels (`int`, defaults to 0): of all frames together.

    Yields:
        What is in `frames`.

    Raises:
        BrokenMediaError: If there are more than 100,000, or more pixels, or the time of `reading_until` is over.
    """
    total = 0
    for number, frame in enumerate(frames):
        if number >= MAX_DECODED_FRAMES:
            raise BrokenMediaError(f"has more than {MAX_DECODED_FRAMES} frames to read", remedy="cut the clip")
        if pixels is not None:
            total += pixels(frame)
            if total > max_pixels:
                raise BrokenMediaError(
                    f"has more than {max_pixels:,} pixels to read, in {number + 1} frames or more",
                    remedy="cut the clip, or shrink it",
                )
        if monotonic() > _DEADLINE.get():
            raise BrokenMediaError(
                "takes too long", rule="short enough to be read in time", remedy="cut the clip, or shrink it"
            )
        yield frame


@contextmanager
def reading_until(deadline: float) -> Iterator[None]:
    """Within the block, files are read until a time, and no longer.

    Args:
        deadline (`float`): by the monotonic clock, in seconds. What reads on then raises `BrokenMediaError`.
    """
    before = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(before)
