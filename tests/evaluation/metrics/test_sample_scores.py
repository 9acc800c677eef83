# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest
import torch

from nuwa_hf.evaluation.metrics.intervals import wilson_interval
from nuwa_hf.evaluation.metrics.sample_scores import mean_score, share_score


def test_mean_has_the_interval_of_many_samples():
    values = torch.rand(400)
    score = mean_score(values)
    assert score.value == pytest.approx(values.double().mean().item(), rel=1e-12)
    half = 1.96 * values.std().item() / 20
    # A quantile of 1,000 resamples is good to a tenth.
    assert score.low == pytest.approx(score.value - half, abs=0.1 * half)
    assert score.high == pytest.approx(score.value + half, abs=0.1 * half)
    assert (score.samples, score.interval) == (400, "bootstrap")


def test_score_does_not_depend_on_when_it_is_worked_out():
    values = torch.rand(20)
    assert mean_score(values) == mean_score(values)


def test_frames_are_meant_first_and_do_not_narrow_the_interval():
    values = torch.randn(50)
    single, repeated = mean_score(values), mean_score(values[:, None].expand(50, 8))
    assert repeated.samples == 50
    assert repeated.value == pytest.approx(single.value)
    assert (repeated.low, repeated.high) == pytest.approx((single.low, single.high))


def test_equal_values_have_an_interval_of_no_width():
    score = mean_score(torch.full((13,), 0.1))
    assert score.low == score.high == score.value


def test_values_that_are_no_number_do_not_count():
    nan = math.nan
    assert mean_score(torch.tensor([1.0, nan, 3.0])) == mean_score(torch.tensor([1.0, 3.0]))
    assert share_score(torch.tensor([1.0, nan, 0.0])) == share_score(torch.tensor([True, False]))
    for score in (mean_score, share_score):
        with pytest.raises(ValueError, match="at least one sample, got none for 2"):
            score(torch.tensor([nan, nan]))


def test_infinite_mean_has_no_interval():
    score = mean_score(torch.tensor([math.inf, 30.0]))
    assert score.value == math.inf
    assert score.interval is None


def test_share_has_its_wilson_interval():
    score = share_score(torch.tensor([True] * 8 + [False] * 2))
    assert (score.value, score.samples, score.interval) == (0.8, 10, "Wilson")
    assert (score.low, score.high) == wilson_interval(8, 10)
