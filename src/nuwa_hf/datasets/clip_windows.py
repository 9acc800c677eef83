# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which parts of a long clip become samples."""

import random
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from nuwa_hf.media.frame_sampling import exact_rate


FINEST = 10_000  # parts of a second, and of a clip, that starts are counted in


@dataclass(frozen=True)
class ClipWindows:
    """Where the samples of a clip start; by default there is one, at the clip's start.

    Args:
        clips_per_video (`int`, *optional*): at most how many samples a clip gives; by default one, or, with a
            `stride`, as many as fit.
        stride (`float`, *optional*): seconds from one start to the next; by default the starts are spread over the
            clip.
        starts (`str`, defaults to `"even"`): `"even"`, the first at the clip's start, or `"random"`.
        seed (`int`, defaults to 0): of the random starts.

    Raises:
        ValueError: If a number is out of range, or a `stride` stands beside random starts.
    """

    clips_per_video: int | None = None
    stride: float | None = None
    starts: Literal["even", "random"] = "even"
    seed: int = 0

    def __post_init__(self):
        if self.clips_per_video is not None and self.clips_per_video < 1:
            raise ValueError(f"`clips_per_video` must be at least 1, got {self.clips_per_video}; the default is 1.")
        if self.stride is not None and not 1 / FINEST <= self.stride < float("inf"):
            raise ValueError(
                f"`stride` must be a number of seconds from {1 / FINEST:g} on, got {self.stride}; use for example 2."
            )
        if self.starts not in ("even", "random"):
            raise ValueError(f"`starts` must be 'even' or 'random', got {self.starts!r}; choose one of these.")
        if self.stride is not None and self.starts == "random":
            raise ValueError(f"`stride` must be left out with random `starts`, got {self.stride}; drop one of them.")

    @property
    def is_first_only(self) -> bool:
        """Whether each clip gives one sample at its start, so that its length need not be known."""
        return self.starts == "even" and (self.clips_per_video == 1 or self.clips_per_video is self.stride is None)

    def start_times(self, seconds: Fraction, number: int, *, frame_rate: float, num_frames: int) -> list[Fraction]:
        """The starts of a clip's samples, a pure function of the arguments.

        A clip that is too short for all of them gives fewer: as many as start at least one frame apart and end within
        it, and always one at its start.

        Args:
            seconds (`Fraction`): how long the clip is.
            number (`int`): its row in the data set, for random starts.
            frame_rate (`float`): frames a second of a sample.
            num_frames (`int`): frames of a sample.

        Returns:
            `list[Fraction]`: seconds from the clip's start, rising.
        """
        rate = exact_rate(frame_rate)
        spare = max(seconds - num_frames / rate, Fraction(0))  # how late the last sample can start
        if self.is_first_only:
            return [Fraction(0)]
        if self.stride is not None:
            stride = Fraction(self.stride).limit_denominator(FINEST)
            fitting = int(spare / stride) + 1
            return [place * stride for place in range(min(fitting, self.clips_per_video or fitting))]
        count = min(self.clips_per_video or 1, int(spare * rate) + 1)
        if self.starts == "random":
            draw = random.Random(f"{self.seed} {number}")
            free = spare - (count - 1) / rate  # what is left beside the frame between each start and the next
            drawn = sorted(free * Fraction(draw.random()).limit_denominator(FINEST) for _ in range(count))
            return [start + place / rate for place, start in enumerate(drawn)]
        return [spare * place / max(count - 1, 1) for place in range(count)]
