# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation.metrics.kernel_distance import kernel_distance_score


pytest.importorskip("torch_fidelity")


def test_whole_sets_give_the_estimate_without_bias_and_the_interval_holds_the_truth():
    """Of one feature the kernel (x y + 1)^3 compares three moments: 3 d1^2 + 3 d2^2 + d3^2."""
    truth = 3 * 0.5**2 + 3 * 0.25**2 + 1.625**2
    scores = [kernel_distance_score(torch.randn(40, 1) + 0.5, torch.randn(50, 1)) for _ in range(25)]
    values = torch.tensor([score.value for score in scores])
    # Four standard deviations of the mean.
    assert values.mean().item() == pytest.approx(truth, abs=4 * values.std().item() / 25**0.5)
    # 95 % of 25 are 24; third moments of 40 values are far from normal.
    assert sum(score.low <= truth <= score.high for score in scores) >= 20
    assert {score.interval for score in scores} == {"subsets"}
    assert {score.samples for score in scores} == {40}


def test_frames_of_a_sample_are_not_more_samples():
    pictures = torch.randn(20, 1, 4), torch.randn(20, 1, 4)
    single = kernel_distance_score(*pictures)
    repeated = kernel_distance_score(*(frames.expand(20, 9, 4) for frames in pictures))
    assert repeated.samples == single.samples == 20
    assert repeated.high - repeated.low > 0.8 * (single.high - single.low)


def test_three_samples_have_no_interval():
    assert kernel_distance_score(torch.randn(3, 4), torch.randn(3, 4)).interval is None
