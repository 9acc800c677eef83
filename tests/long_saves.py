# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Checkpoints that take a day each to be saved, by the clock that measures speeds."""

import time

import pytest

from nuwa_hf.training.run.run_state import RunState


def save_for_a_day(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From now on each save of a run takes a day.

    Args:
        monkeypatch (`pytest.MonkeyPatch`): undoes it.

    Returns:
        `list[int]`: one number, the days so far.
    """
    days, clock, save = [0], time.perf_counter, RunState.save

    def save_a_day_long(state):
        days[0] += 1
        return save(state)

    monkeypatch.setattr(time, "perf_counter", lambda: clock() + 86400 * days[0])
    monkeypatch.setattr(RunState, "save", save_a_day_long)
    return days
