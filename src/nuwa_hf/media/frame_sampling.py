# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frames at a constant rate from clips whose frames come at any times."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from numbers import Real
from typing import Any

from nuwa_hf.argument_types import shown
from nuwa_hf.media.errors import BrokenMediaError


LEAST_FRAME_RATE, MAX_FRAME_RATE = 0.01, 1000  # a frame of a GIF is shown for at most 655 seconds


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
    picture: Callable[[], Any]


def check_frame_rate(frame_rate: Any, name: str = "frame_rate") -> None:
    """Require a number of frames a second.

    Args:
        frame_rate: what was given.
        name (`str`, defaults to `"frame_rate"`): the argument's name, for the message.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is below 0.01 or above 1000, or not finite.
    """
    if isinstance(frame_rate, bool) or not isinstance(frame_rate, Real):
        raise TypeError(f"`{name}` must be a number of frames a second, got {shown(frame_rate)}; the paper's is 2.5.")
    if not LEAST_FRAME_RATE <= frame_rate <= MAX_FRAME_RATE:
        raise ValueError(
            f"`{name}` must be from {LEAST_FRAME_RATE} to {MAX_FRAME_RATE} frames a second, got {frame_rate}; the "
            "paper's is 2.5."
        )


def exact_rate(frame_rate: float) -> Fraction:
    """A frame rate without the rounding of a float, so that times add up.

    Args:
        frame_rate (`float`): frames a second.

    Returns:
        `Fraction`: the nearest with a denominator of at most 10,000.
    """
    return Fraction(frame_rate).limit_denominator(10_000)


def evenly_timed(pictures: Iterable[Callable[[], Any]], frame_rate: float) -> Iterator[TimedFrame]:
    """Frames that have no times of their own, as a clip at a rate.

    Args:
        pictures (`Iterable[Callable]`): make the frames' pixels, in order.
        frame_rate (`float`): frames a second.

    Yields:
        `TimedFrame`: by increasing time.
    """
    duration = 1 / exact_rate(frame_rate)
    for number, picture in enumerate(pictures):
        yield TimedFrame(number, number * duration, duration, picture)


def sample_frames(frames: Iterable[TimedFrame], frame_rate: float, start: Fraction | int = 0) -> Iterator[TimedFrame]:
    """The frames that are shown at `start`, `start` + 1 / frame_rate, `start` + 2 / frame_rate and so on.

    Where the next frame begins soon after such a time, that one is taken: within half of the shorter of the two frames
    and within half of 1 / frame_rate. So frames at nearly even times stay even, and one that is held stays as long.

    Args:
        frames (`Iterable[TimedFrame]`): the clip, by increasing time, from the frame that is shown at `start` or an
            earlier one on; read only as far as is asked for.
        frame_rate (`float`): frames a second, above 0.
        start (`Fraction`, defaults to 0): seconds from the clip's first frame, not negative.

    Yields:
        `TimedFrame`: one for each of these times before the clip's end; one is there several times where the clip has
            fewer.

    Raises:
        BrokenMediaError: If the clip has no frame.
    """
    start, gap, count = Fraction(start), 1 / exact_rate(frame_rate), 0
    before = None
    for frame in frames:
        while start + count * gap <= frame.time:
            wait = frame.time - start - count * gap
            is_soon = before is None or wait < min(before.duration, frame.duration, gap) / 2
            yield frame if wait == 0 or is_soon else before
            count += 1
        before = frame
    if before is None:
        raise BrokenMediaError("has no frames")
    end = before.time + before.duration
    while start + count * gap < end:
        yield before
        count += 1


def sample_window(
    frames: Iterable[TimedFrame], *, frame_rate: float, num_frames: int, start: Fraction | int = 0
) -> Iterator[TimedFrame]:
    """So many frames at a rate, each as it is asked for.

    Args:
        frames (`Iterable[TimedFrame]`): the clip, as in `sample_frames`; read only as far as it is needed.
        frame_rate (`float`): frames a second, above 0.
        num_frames (`int`): how many, at least 1.
        start (`Fraction`, defaults to 0): when the first is shown, in seconds from the clip's first frame.

    Yields:
        `TimedFrame`: `num_frames` of them.

    Raises:
        BrokenMediaError: If the clip has no frame, or ends before the last of these times; after those that it has.
    """
    count = 0
    for frame in islice(sample_frames(frames, frame_rate, start), num_frames):
        yield frame
        count += 1
    if count < num_frames:
        where = f" from {float(start):g} s on" if start else ""
        found = "1 frame" if count == 1 else f"{count} frames"
        raise BrokenMediaError(
            f"is too short: {found} at {frame_rate:g} a second{where}, where {num_frames} are needed",
            remedy="give a longer one",
        )
