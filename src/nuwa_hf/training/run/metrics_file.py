# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`metrics.jsonl`: a line of JSON for each look at a run's numbers."""

import json
from collections.abc import Mapping
from pathlib import Path

from nuwa_hf.storage.whole_folders import writing


class MetricsFile:
    """Appends to `metrics.jsonl` and reads it.

    Args:
        folder (`Path`): the run's.
    """

    def __init__(self, folder: Path):
        self.path = folder / "metrics.jsonl"

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """Writes a line with the step and the values."""
        line = json.dumps({"step": step, **values})
        with writing(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def last(self, name: str) -> dict[str, float]:
        """What was logged together with a name when it was logged last, itself included.

        Args:
            name (`str`): of a value.

        Returns:
            `dict[str, float]`: name to value, without the step; empty if it was never logged.
        """
        lines = map(json.loads, reversed(self._lines()))
        return next(({key: line[key] for key in line if key != "step"} for line in lines if name in line), {})

    def forget_after(self, step: int) -> None:
        """Drops the lines after a step, all if it is 0: a killed run's, which will be written again."""
        if self.path.exists():
            lines = [line for line in self._lines() if 0 < step >= _step_of(line)]
            aside = self.path.with_name(".metrics.jsonl.incomplete")
            aside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
            aside.replace(self.path)

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []


def _step_of(line: str) -> float:
    """The step of a line. A line cut short by a kill, or none of ours, counts as later than all others."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return float("inf")
