# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.evaluation.metrics.intervals import mean_interval, wilson_interval


def test_wilson_interval_equals_the_value_worked_out_by_hand():
    assert wilson_interval(8, 10) == pytest.approx((0.49016, 0.94332), abs=1e-5)


def test_wilson_interval_holds_its_share_and_mirrors():
    for trials in (1, 7, 200):
        for hits in range(trials + 1):
            low, high = wilson_interval(hits, trials)
            assert 0 <= low <= hits / trials <= high + 1e-12 <= 1 + 1e-12
            assert wilson_interval(trials - hits, trials) == pytest.approx((1 - high, 1 - low))


def test_interval_of_a_mean_equals_the_value_worked_out_by_hand():
    """Student's t of 2 degrees of freedom is 4.302653 at 97.5 %."""
    pytest.importorskip("scipy")
    assert mean_interval(10, 3, 3) == pytest.approx((10 - 4.302653 * 3**0.5, 10 + 4.302653 * 3**0.5), abs=1e-5)
