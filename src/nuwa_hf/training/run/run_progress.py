# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a run shows while it goes on: a bar in a terminal, lines in a file."""

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Self

from tqdm import tqdm

from nuwa_hf.training.run.run_state import RunState
from nuwa_hf.training.run.time_left import TimeLeft, in_words


logger = logging.getLogger(__name__)

SAMPLES, CHECKPOINT = "samples", "checkpoint"  # the pauses between steps
# The end is said once this many steps and seconds have passed, after the first step, which is slower.
TIMED_STEPS, TIMED_SECONDS = 3, 10.0
LINE_SECONDS = 60.0  # from one line to the next, where there is no terminal
BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{left}, {rate_fmt}{postfix}]"


class RunProgress:
    """Shows how far a run is, how long it will still take, its last loss and its last validation loss.

    In a terminal this is a bar, above which `nuwa_hf.command_logs` writes the log. Elsewhere, as in a file, it is a
    line a minute. Only the main process shows anything.

    Args:
        state (`RunState`): after `resume`.

    Example:
        >>> with RunProgress(state) as progress:
        ...     while state.step < state.arguments.max_train_steps:
        ...         loss = train_one_step()
        ...         state.step += 1
        ...         progress.update()
        ...         progress.show({"loss": loss, "val": None})
        ...         with progress.pause(CHECKPOINT):
        ...             state.save()
    """

    def __init__(self, state: RunState):
        arguments = state.arguments
        self.state = state
        self.time_left = TimeLeft(
            arguments.max_train_steps, {SAMPLES: arguments.sample_every, CHECKPOINT: arguments.checkpointing_steps}
        )
        self._is_main = state.accelerator.is_main_process
        self._has_bar = self._is_main and sys.stderr.isatty()
        self._shown: dict[str, str] = {}
        self._steps = 0
        self._paused = 0.0
        self._is_end_said = not self._is_main
        self._last_line = float("-inf")

    def __enter__(self) -> Self:
        self._bar = _Bar(self.time_left, self.state.step, is_shown=self._has_bar)
        self._start = self._mark = self.clock()
        return self

    def __exit__(self, error: type[BaseException] | None, *_) -> None:
        self._bar.close()
        if error is None:
            self._log_line()

    def clock(self) -> float:
        """The seconds of a clock that stands still in pauses, to measure the speed of training."""
        return time.perf_counter() - self._paused

    def update(self) -> None:
        """Counts a step."""
        now = self.clock()
        self._steps += 1
        if self._steps == 1:
            self._start = now
        else:
            self.time_left.add_step(now - self._mark)
        self._mark = now
        self._bar.update()
        if not self._is_end_said and self._steps > TIMED_STEPS and now - self._start >= TIMED_SECONDS:
            self._say_end()

    @contextmanager
    def pause(self, name: str) -> Iterator[None]:
        """Counts the time of the block apart from the steps.

        Args:
            name (`str`): `SAMPLES` or `CHECKPOINT`.

        Yields:
            Nothing.
        """
        start = time.perf_counter()
        self._bar.set_description_str(f"{name}: ")
        yield
        self._bar.set_description_str("")
        seconds = time.perf_counter() - start
        self.time_left.add_pause(name, seconds)
        self._paused += seconds

    def show(self, values: Mapping[str, float | None]) -> None:
        """Shows numbers in the place of those before.

        Args:
            values (`Mapping[str, float]`): name to value; None is not known yet and not shown.
        """
        known = {name: value for name, value in values.items() if value is not None}
        self._shown = {name: _in_few_digits(value) for name, value in known.items()}
        self._bar.set_postfix_str(" ".join(f"{name}={text}" for name, text in self._shown.items()))
        if time.perf_counter() - self._last_line >= LINE_SECONDS:
            self._log_line()

    def _log_line(self) -> None:
        """Logs the numbers where there is no bar."""
        if self._has_bar or not self._is_main:
            return
        self._last_line = time.perf_counter()
        step, last, left = self.state.step, self.time_left.last_step, self.time_left.seconds(self.state.step)
        numbers = "".join(f", {name} {text}" for name, text in self._shown.items())
        to_go = f", {in_words(left)} to go" if left else ""
        logger.info("Step %s of %s (%.0f %%)%s%s", f"{step:,}", f"{last:,}", 100 * step / last, numbers, to_go)

    def _say_end(self) -> None:
        self._is_end_said = True
        step, last = self.state.step, self.time_left.last_step
        pace = self.time_left.seconds_per_step
        seconds = pace * (last - step)
        if step < last:
            end = datetime.now() + timedelta(seconds=seconds)
            logger.info(
                "%.2f s a step: the %s steps to go end at about %s, in %s, without samples and checkpoints.",
                *(pace, f"{last - step:,}", f"{end:%a %H:%M}", in_words(seconds)),
            )


def _in_few_digits(value: float) -> str:
    return f"{value:.{3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0}f}"


class _Bar(tqdm):
    """A bar whose pace and remaining time are those of `TimeLeft`."""

    def __init__(self, time_left: TimeLeft, step: int, *, is_shown: bool):
        self.time_left = time_left
        super().__init__(
            total=time_left.last_step,
            initial=step,
            disable=not is_shown,
            bar_format=BAR,
            mininterval=1.0,
            miniters=1,
            dynamic_ncols=True,
        )

    @property
    def format_dict(self) -> dict:
        pace, left = self.time_left.seconds_per_step, self.time_left.seconds(self.n)
        known = {"rate": 1 / pace if pace else None, "left": "?" if left is None else self.format_interval(left)}
        return super().format_dict | known
