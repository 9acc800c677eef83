# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation.metrics.intervals import wilson_interval
from nuwa_hf.evaluation.metrics.precision_recall import precision_score, recall_score


pytest.importorskip("torch_fidelity")


def test_a_set_lies_among_itself_and_not_among_one_far_away():
    features = torch.randn(30, 5)
    assert precision_score(features, features).value == recall_score(features, features).value == 1
    assert precision_score(features + 100, features).value == recall_score(features + 100, features).value == 0


def test_one_repeated_real_sample_is_precise_and_recalls_nothing_else():
    real = torch.randn(40, 5)
    repeated = real[:1].expand(40, 5)
    assert precision_score(repeated, real).value == 1
    assert recall_score(repeated, real).value <= 1 / 40


def test_half_of_what_there_is_is_half_of_the_recall():
    real = torch.cat([torch.randn(25, 3), torch.randn(25, 3) + 50])
    generated = real[:25]
    assert precision_score(generated, real).value == 1
    recall = recall_score(generated, real)
    assert recall.value == 0.5
    assert (recall.low, recall.high) == wilson_interval(25, 50)
    assert recall.samples == 25


def test_frames_are_compared_one_by_one_and_counted_as_one_sample():
    real = torch.randn(10, 4, 3)
    generated = real.clone()
    generated[:, 2:] += 100
    score = precision_score(generated, real)
    assert score.value == 0.5
    assert (score.low, score.high) == wilson_interval(5, 10)


def test_a_third_neighbour_needs_four_rows():
    with pytest.raises(ValueError, match="at least 4 rows"):
        precision_score(torch.rand(3, 2), torch.rand(9, 2))
