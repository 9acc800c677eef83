# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The description of the machine, and the timing that all benchmarks use.

torch is imported inside functions: on Linux the peak memory of a process includes that of the process that started it,
so a benchmark that starts processes must stay small.
"""

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm


def describe_machine() -> dict[str, Any]:
    """What the measurements depend on besides the code.

    Returns:
        `dict[str, Any]`: `cpu`, `cores` (usable ones), `threads` (torch's), `memory_bytes`, `system`, `python`,
        `torch`, and `load`: how many processes were busy on average over the last minute.
    """
    import torch

    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": os.getloadavg()[0],
    }


def peak_memory() -> int:
    """The most memory that this process has had resident so far, in bytes."""
    return in_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def in_bytes(max_resident: int) -> int:
    """`ru_maxrss` in bytes: macOS counts bytes, other systems KiB."""
    return max_resident if sys.platform == "darwin" else 1024 * max_resident


def timed(function: Callable[[], object]) -> Callable[[], float]:
    """A function that calls another and returns the seconds it took."""

    def run() -> float:
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return run


def time_interleaved(cases: dict[str, Callable[[], float]], repetitions: int, title: str) -> dict[str, list[float]]:
    """Time several cases in turn, so that other load on the machine affects all of them equally.

    Each case runs once without being counted; then every repetition runs all of them, alternately forwards and
    backwards.

    Args:
        cases (`dict[str, Callable]`): name to what runs once and returns its seconds.
        repetitions (`int`): counted runs of each case.
        title (`str`): before the progress bar.

    Returns:
        `dict[str, list[float]]`: name to the seconds of each repetition, in order.

    Raises:
        ValueError: If `repetitions` is below 1.
    """
    if repetitions < 1:
        raise ValueError(f"`repetitions` must be at least 1, got {repetitions}.")
    seconds = {name: [] for name in cases}
    with tqdm(total=(repetitions + 1) * len(cases), desc=title, mininterval=1.0) as bar:
        for repetition in range(repetitions + 1):
            for name in list(cases)[:: -1 if repetition % 2 else 1]:
                elapsed = cases[name]()
                if repetition:
                    seconds[name].append(elapsed)
                bar.update()
    return seconds


def summarize(values: list[float]) -> dict[str, Any]:
    """Repeated measurements as `median`, `min`, `max` and all `runs`."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": values}


def paired_ratio(numerators: list[float], denominators: list[float]) -> float:
    """The median over the repetitions of the ratio within each."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def _cpu_model(info: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name and, since rented machines call several generations "AMD EPYC", its family and model."""
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    if not said.get("model name"):
        return platform.processor() or platform.machine()
    numbers = [f"{word} {said[key]}" for word, key in (("family", "cpu family"), ("model", "model")) if key in said]
    return ", ".join([said["model name"], *numbers])
