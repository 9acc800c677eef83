# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the images and clips of a data set are like, read from their headers and the times of their frames."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.sources import open_media

from .clip_windows import ClipWindows


STEADY = Fraction(1, 10)  # of the usual gap between frames, by which another may differ in a clip of constant rate


@dataclass(frozen=True)
class ClipFacts:
    """An image or a clip.

    Args:
        row (`int`): its row in the data set.
        name (`str`): its file, or its row.
        height (`int`): pixel rows, the right way up and with square pixels.
        width (`int`): pixel columns.
        seconds (`Fraction`): how long it is shown; 0 for a still image.
        num_frames (`int`): how many frames it has.
        frame_rate (`float`, *optional*): frames a second, by the usual gap between two; None for a single frame.
        has_constant_rate (`bool`): whether all gaps are about the same.
    """

    row: int
    name: str
    height: int
    width: int
    seconds: Fraction
    num_frames: int
    frame_rate: float | None
    has_constant_rate: bool

    @property
    def is_still(self) -> bool:
        """Whether it is a still image."""
        return self.seconds == 0

    def count_samples(self, windows: ClipWindows, *, frame_rate: float, num_frames: int) -> int:
        """How many samples it gives.

        Args:
            windows (`ClipWindows`): which parts become samples.
            frame_rate (`float`): frames a second of a sample.
            num_frames (`int`): frames of a sample.

        Returns:
            `int`: 0 if it is too short for one.
        """
        if num_frames > 1 and Fraction(num_frames - 1) / Fraction(frame_rate) >= self.seconds:
            return 0
        return len(windows.start_times(self.seconds, self.row, frame_rate=frame_rate, num_frames=num_frames))


@dataclass
class MediaCensus:
    """The images and clips of a data set.

    Args:
        clips (`list[ClipFacts]`): those that can be read.
        broken (`list[tuple[str, str]]`): the name of each that cannot, and the rest of a sentence that says why.
    """

    clips: list[ClipFacts] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)

    def add(self, row: int, name: str, source: Any) -> None:
        """Look at one more.

        Args:
            row (`int`): its row in the data set.
            name (`str`): what to call it.
            source: what `open_media` takes.
        """
        try:
            self.clips.append(clip_facts(row, name, source))
        except BrokenMediaError as error:
            self.broken.append((name, str(error)))

    @property
    def stills(self) -> int:
        """How many are still images."""
        return sum(clip.is_still for clip in self.clips)

    def endings(self) -> Counter[str]:
        """How many files there are of each ending."""
        return Counter(Path(clip.name).suffix.lower() or "none" for clip in self.clips)

    def sizes(self) -> Counter[tuple[int, int]]:
        """How many there are of each size, (width, height)."""
        return Counter((clip.width, clip.height) for clip in self.clips)

    def middle_share(self) -> float:
        """The share of all pixels that lies in the largest square in the middle, as far as something was read."""
        pixels = sum(clip.width * clip.height for clip in self.clips)
        return sum(min(clip.width, clip.height) ** 2 for clip in self.clips) / pixels if pixels else 1.0

    def seconds(self) -> list[float]:
        """How long the clips are, from the shortest on."""
        return sorted(float(clip.seconds) for clip in self.clips if not clip.is_still)

    def frame_rates(self) -> Counter[str]:
        """How many clips there are of each rate; those whose rate varies stand under "variable"."""
        moving = (clip for clip in self.clips if not clip.is_still)
        return Counter(
            f"{clip.frame_rate:.4g}" if clip.has_constant_rate and clip.frame_rate else "variable" for clip in moving
        )


def clip_facts(row: int, name: str, source: Any) -> ClipFacts:
    """Look at an image or a clip. Of most videos one frame is decoded, of an animation all are.

    Args:
        row (`int`): its row in the data set.
        name (`str`): what to call it.
        source: what `open_media` takes.

    Returns:
        `ClipFacts`.

    Raises:
        BrokenMediaError: If it cannot be read.
    """
    with open_media(source) as media:
        picture = next(media.frames()).picture()
        times = media.frame_times()
        rate, is_constant = _rate(times)
        return ClipFacts(row, name, picture.height, picture.width, media.seconds(), len(times), rate, is_constant)


def _rate(times: Sequence[Fraction]) -> tuple[float | None, bool]:
    """Frames a second, and whether they come evenly, as far as the file can say it."""
    gaps = [after - before for before, after in pairwise(times)]
    if not gaps:
        return None, True
    usual = median(gaps)
    if usual == 0:
        return None, False
    if len(set(gaps)) == 1:
        return float(1 / usual), True
    grain = _common_divisor(gaps)  # what the file rounds times to, 10 ms in a GIF
    spread = max(STEADY * usual, min(grain, usual / 2))
    if any(abs(gap - usual) > spread for gap in gaps):
        return float(1 / usual), False
    span = times[-1] - times[0]
    rate = len(gaps) / span
    is_whole = abs(len(gaps) / Fraction(round(rate) or 1) - span) <= grain
    return float(round(rate) or 1) if is_whole else float(rate), True


def _common_divisor(gaps: Iterable[Fraction]) -> Fraction:
    scale = math.lcm(*(gap.denominator for gap in gaps))
    return Fraction(math.gcd(*(int(gap * scale) for gap in gaps)), scale)
