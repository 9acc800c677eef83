# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frames at a constant rate from clips whose frames come at any times."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import PIL.Image


class BrokenClipError(ValueError):
    """A clip that cannot be used; what reads a whole data set skips, counts and names it."""


@dataclass(frozen=True)
class TimedFrame:
    """One frame of a clip.

    Args:
        number (`int`): how many frames come before it.
        time (`Fraction`): seconds from the first frame to this one.
        duration (`Fraction`): seconds that it is shown; 0 for a still image.
        picture (`Callable[[], PIL.Image.Image]`): makes its pixels.
    """

    number: int
    time: Fraction
    duration: Fraction
    picture: Callable[[], PIL.Image.Image]


def sample_frames(frames: Iterable[TimedFrame], *, frame_rate: float, num_frames: int) -> list[TimedFrame]:
    """The frames nearest in time to 0, 1 / frame_rate, 2 / frame_rate and so on; of two as near the earlier.

    Args:
        frames (`Iterable[TimedFrame]`): the clip, by increasing time; read only as far as it is needed.
        frame_rate (`float`): frames for each second, above 0.
        num_frames (`int`): how many, at least 1.

    Returns:
        `list[TimedFrame]`: `num_frames` frames; one is there several times where the clip has fewer.

    Raises:
        BrokenClipError: If the clip has no frame, or ends before the last of these times.
    """
    rate = Fraction(frame_rate).limit_denominator(10_000)
    chosen, before = [], None
    for frame in frames:
        while len(chosen) < num_frames and len(chosen) / rate <= frame.time:
            time = len(chosen) / rate
            is_earlier_nearer = before is not None and time - before.time <= frame.time - time
            chosen.append(before if is_earlier_nearer else frame)
        if len(chosen) == num_frames:
            return chosen
        before = frame
    if before is None:
        raise BrokenClipError("has no frames")
    end = before.time + before.duration
    while len(chosen) < num_frames and len(chosen) / rate < end:
        chosen.append(before)
    if len(chosen) < num_frames:
        raise BrokenClipError(
            f"is too short: {len(chosen)} frames at {frame_rate:g} a second where {num_frames} are needed"
        )
    return chosen
