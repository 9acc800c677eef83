# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The time that a run still takes, from steps and pauses of known length."""

import pytest

from nuwa_hf.training.run.time_left import RECENT_STEPS, TimeLeft, in_words


def timed(step_seconds=2.0, steps=10, **pauses) -> TimeLeft:
    time_left = TimeLeft(1000, {"samples": 250, "checkpoint": 300})
    for _ in range(steps):
        time_left.add_step(step_seconds)
    for name, seconds in pauses.items():
        time_left.add_pause(name, seconds)
    return time_left


def test_nothing_is_said_before_the_first_step():
    assert TimeLeft(1000, {}).seconds(0) is None


def test_a_resumed_run_counts_the_steps_that_it_has_to_go():
    assert timed().seconds(900) == 200.0


def test_a_slow_validation_does_not_move_the_pace_but_those_to_come_count():
    assert timed(samples=60.0).seconds_per_step == 2.0
    assert timed(samples=60.0).seconds(500) == 1000.0 + 2 * 60.0  # at 750 and 1000
    assert timed(samples=60.0).seconds(749) == 502.0 + 2 * 60.0
    assert timed(samples=60.0).seconds(750) == 500.0 + 60.0
    assert timed(samples=60.0).seconds(1000) == 0.0


def test_the_last_step_has_a_pause_of_each_kind():
    assert timed(checkpoint=5.0).seconds(600) == 800.0 + 2 * 5.0  # at 900 and 1000
    assert timed(checkpoint=5.0).seconds(950) == 100.0 + 5.0


def test_the_pace_is_that_of_the_last_steps():
    time_left = timed(step_seconds=100.0)
    for _ in range(RECENT_STEPS):
        time_left.add_step(1.0)
    assert time_left.seconds_per_step == 1.0


@pytest.mark.parametrize(("seconds", "words"), [(40.2, "40 s"), (715, "12 min"), (11_100, "3 h 05 min")])
def test_durations_are_said_in_words(seconds, words):
    assert in_words(seconds) == words
