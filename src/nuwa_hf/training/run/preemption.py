# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Ends a run before its last step where the machine is taken away or its time is over, so that it can go on later."""

import signal
import threading
import time
from types import FrameType
from typing import Self

import torch

from nuwa_hf.training.run.processes import first_in_any_process
from nuwa_hf.training.run.run_state import RunState


# What Slurm and Kubernetes send some time before they kill; Windows has only the first.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))


class Preemption:
    """Notes, within the block that it opens, that the run should stop.

    The first of SIGTERM, SIGUSR1 and the end of the hours counts; later signals change nothing, so a checkpoint that
    is being written is written to its end. Outside of the main thread there are no signals, only hours.

    Args:
        max_hours (`float`, *optional*): from now on; None for no limit.

    Example:
        >>> with Preemption(max_hours=8) as preemption:
        ...     for _ in range(steps):
        ...         ...
        ...         preemption.stop_if_asked(state)
    """

    def __init__(self, max_hours: float | None = None):
        self.max_hours = max_hours
        self._end = float("inf") if max_hours is None else time.monotonic() + 3600 * max_hours
        self._signal: str | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._note)
                if hasattr(signal, "siginterrupt"):  # not on Windows
                    signal.siginterrupt(number, False)  # a call that writes a file is not cut short
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def stop_if_asked(self, state: RunState) -> None:
        """Writes a checkpoint and ends the run, if it should stop and has steps to go.

        If there are several processes, each must call this after every step: they stop at the same one as soon as one
        of them should.

        Args:
            state (`RunState`): the run, after a step.

        Raises:
            StoppedEarly: In every process, with how the run can go on.
        """
        if state.step >= state.arguments.max_train_steps:
            return
        reason = self._reason()
        if state.accelerator.num_processes > 1:
            asked = torch.tensor([reason is not None], dtype=torch.int32, device=state.accelerator.device)
            if state.accelerator.reduce(asked, "sum").item() > 0:
                reason = first_in_any_process(reason)
        if reason is not None:
            state.stop(reason)

    def _reason(self) -> str | None:
        if self._signal is None and time.monotonic() >= self._end:
            return f"`max_train_hours` of {self.max_hours:g} are over"
        return self._signal

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._signal is None:
            self._signal = signal.Signals(number).name


def leave_signals_to_main_process(_: int) -> None:
    """Makes a process that loads data ignore the signals, which Slurm sends to every process; for `worker_init_fn`."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
