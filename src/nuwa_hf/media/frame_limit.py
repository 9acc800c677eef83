# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A bound on the frames that are read from one file."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from nuwa_hf.media.errors import BrokenMediaError


Frame = TypeVar("Frame")
MAX_DECODED_FRAMES = 100_000  # one after another: a few bytes of a damaged or hostile file can ask for far more


def limited(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Frames that are read one after another, but not endlessly many.

    Args:
        frames (`Iterable`): the frames.

    Yields:
        What is in `frames`.

    Raises:
        BrokenMediaError: If there are more than 100,000.
    """
    for number, frame in enumerate(frames):
        if number >= MAX_DECODED_FRAMES:
            raise BrokenMediaError(f"has more than {MAX_DECODED_FRAMES} frames to read", remedy="cut the clip")
        yield frame
