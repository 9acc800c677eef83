# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Clocks and memory of a device. A GPU may still be working after a call has returned."""

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks.measuring.machine import describe_machine, peak_memory


DEVICES = ("cpu", "cuda")


def describe(device: str) -> dict[str, Any]:
    """The description of `describe_machine` and, for a GPU, its name as `device`.

    Args:
        device (`str`): one of `DEVICES`.

    Returns:
        `dict[str, Any]`: the description.

    Raises:
        ValueError: If torch does not see the device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("`--device` is cuda, which torch does not see here; use cpu.")
    return describe_machine() | ({"device": torch.cuda.get_device_name()} if device == "cuda" else {})


def synchronize(device: str) -> None:
    """Wait until the device has finished its work."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(function: Callable[[], object], device: str) -> float:
    """The seconds of one call, from an idle device until the device is idle again."""
    synchronize(device)
    start = time.perf_counter()
    function()
    synchronize(device)
    return time.perf_counter() - start


class Stopwatch:
    """Adds up the seconds of calls by name.

    Args:
        device (`str`): where the calls have their work done; it is waited for before the clock is read.

    Attributes:
        seconds (`dict[str, float]`): by name, since the last `clear`.
    """

    def __init__(self, device: str):
        self.device = device
        self.seconds: dict[str, float] = {}

    def around(self, name: str, function: Callable) -> Callable:
        """The same function, timed under a name."""

        @wraps(function, updated=())  # a class has no `__dict__` to copy from
        def timed(*args: Any, **kwargs: Any) -> Any:
            made = []
            spent = seconds_of(lambda: made.append(function(*args, **kwargs)), self.device)
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
            return made[0]

        return timed

    def clear(self) -> None:
        """Set all sums to zero."""
        self.seconds.clear()


def memory_now(device: str) -> int:
    """Bytes that this process has resident, or its tensors on the GPU."""
    return torch.cuda.memory_allocated() if device == "cuda" else psutil.Process().memory_info().rss


def reset_peak(device: str) -> None:
    """Start the measurement of `peak_since_reset`. Where the system cannot, it starts with the process."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return
    counters = Path("/proc/self/clear_refs")
    if counters.exists():
        counters.write_text("5", encoding="utf-8")  # proc(5): resets the peak resident set size


def peak_since_reset(device: str) -> int:
    """The most bytes that this process has had resident, or its tensors on the GPU, since `reset_peak`."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    peaks = [1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return peaks[0] if peaks else peak_memory()
