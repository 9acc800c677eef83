# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How long a run will still take."""

from collections import deque
from collections.abc import Mapping


RECENT_STEPS = 100


class TimeLeft:
    """Estimates how long a run will still take, from its last steps and from what happened between steps.

        seconds left = steps left x mean of the last 100 steps + sum over pauses: times left x mean of those so far

    So neither a slow validation nor the time before a resume moves the pace of the steps, and what is still to come
    between steps counts.

    Args:
        last_step (`int`): the step at which the run ends.
        every (`Mapping[str, int]`): name of a pause, such as `"samples"`, to the steps from one to the next; the last
            step has each.
    """

    def __init__(self, last_step: int, every: Mapping[str, int]):
        self.last_step = last_step
        self.every = every
        self._steps: deque[float] = deque(maxlen=RECENT_STEPS)
        self._pauses: dict[str, list[float]] = {name: [] for name in every}

    def add_step(self, seconds: float) -> None:
        """Counts a step, without what happened after it."""
        self._steps.append(seconds)

    def add_pause(self, name: str, seconds: float) -> None:
        """Counts a pause, by its name."""
        self._pauses[name].append(seconds)

    @property
    def seconds_per_step(self) -> float | None:
        """The mean of the last steps, or None before the first."""
        return sum(self._steps) / len(self._steps) if self._steps else None

    def seconds(self, step: int) -> float | None:
        """The seconds to go.

        Args:
            step (`int`): the steps that are done, those before a resume included.

        Returns:
            `float`, or None before the first step. A kind of pause that has not happened yet counts as no time.
        """
        if self.seconds_per_step is None:
            return None
        seconds = self.seconds_per_step * (self.last_step - step)
        for name, pauses in self._pauses.items():
            if pauses:
                seconds += self._times_left(step, self.every[name]) * sum(pauses) / len(pauses)
        return seconds

    def _times_left(self, step: int, every: int) -> int:
        has_one_at_the_end = self.last_step % every != 0 and step < self.last_step
        return self.last_step // every - step // every + has_one_at_the_end


def in_words(seconds: float) -> str:
    """A duration, such as "40 s", "12 min" or "3 h 05 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
