# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The calls of a pipeline: what each one does, and which were told to stop. Several may run at once, in threads."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nuwa_hf.generation.sampling import check_new_scales


_CLOCK = itertools.count(1)  # orders the starts of calls and the moments at which they were told to stop


@dataclass
class Call:
    """The state of one call, from the moment it starts.

    Args:
        started (`int`): later calls have larger numbers.
        guidance_scale (`float` or `tuple[float]`, defaults to 1.0): the scale it guides with, or one for each output.
        num_outputs (`int`, defaults to 1): images or videos that it makes.
        num_timesteps (`int`, defaults to 0): its number of waves.
        is_running (`bool`, defaults to `False`): whether it is sampling now.
        stopped_itself (`bool`, defaults to `False`): whether its own callback told it to stop.
    """

    started: int = field(default_factory=lambda: next(_CLOCK))
    guidance_scale: float | tuple[float, ...] = 1.0
    num_outputs: int = 1
    num_timesteps: int = 0
    is_running: bool = False
    stopped_itself: bool = False

    def guide_with(self, scale: float | list[float]) -> None:
        """Guide with another scale from the next wave on.

        Args:
            scale (`float` or `list[float]`): one for all outputs, or one for each.

        Raises:
            ValueError: If it is no finite number, or a list of another length.
        """
        check_new_scales(scale, self.num_outputs)
        self.guidance_scale = tuple(map(float, scale)) if isinstance(scale, list | tuple) else float(scale)

    def guidance_scales(self, num_rows: int) -> list[float]:
        """The scale of each row that is sampled.

        Args:
            num_rows (`int`): outputs, or candidates of all of them, one group after the other.

        Returns:
            `list[float]`: as many.
        """
        scale = self.guidance_scale
        scales = list(scale) if isinstance(scale, tuple) else [scale]
        return scales * (num_rows // len(scales))


class Calls:
    """The calls of one pipeline. Only the last call of each thread is kept; a copy of a pipeline starts with none."""

    def __init__(self):
        self._of_thread = threading.local()
        self._last = Call(started=0)
        self._stopped = 0  # calls that had started by then are to stop

    def __reduce__(self):
        return Calls, ()

    @property
    def current(self) -> Call:
        """This thread's running or last call; in a thread that made none, the call that any thread began last."""
        return getattr(self._of_thread, "call", self._last)

    def begin(self, call: Call) -> None:
        """Make a call the current one, unless another one of this thread is being interrupted for it.

        Args:
            call (`Call`): the call.
        """
        self._last = call
        if not self.is_in_callback:
            self._of_thread.call = call

    @contextmanager
    def running(self, call: Call) -> Iterator[None]:
        """Make a call the current one while it samples, whatever its callback calls meanwhile.

        Args:
            call (`Call`): the call.

        Yields:
            Nothing.
        """
        outer = self._of_thread.call if self.is_in_callback else None
        self._of_thread.call = self._last = call
        call.is_running = True
        try:
            yield
        finally:
            call.is_running = False
            if outer is not None:
                self._of_thread.call = outer

    @property
    def is_in_callback(self) -> bool:
        """Whether a call of this thread is sampling, so that who asks is its callback or its scorer."""
        call = getattr(self._of_thread, "call", None)
        return call is not None and call.is_running

    def is_stopped(self, call: Call) -> bool:
        """Whether a call is to stop.

        Args:
            call (`Call`): the call.

        Returns:
            `bool`: whether it, or all calls that had started by some time, were told to.
        """
        return call.stopped_itself or call.started < self._stopped

    def stop(self, value: bool) -> None:
        """Tell calls to stop: within a callback the call that it belongs to, elsewhere all that have started.

        Args:
            value (`bool`): False takes it back.
        """
        if self.is_in_callback:
            self._of_thread.call.stopped_itself = value
        else:
            self._stopped = next(_CLOCK) if value else 0
