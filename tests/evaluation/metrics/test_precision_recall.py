# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

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


def test_neighbourhood_of_a_frame_reaches_beyond_its_own_clip():
    generator = torch.Generator().manual_seed(0)
    real, generated = torch.randn(20, 3, generator=generator), torch.randn(20, 3, generator=generator)
    clips = [pictures[:, None].expand(-1, 4, -1) for pictures in (generated, real)]  # nothing moves
    for score, asked, others in ((precision_score, generated, real), (recall_score, real, generated)):
        distances = torch.cdist(others.double(), others.double()).fill_diagonal_(torch.inf)
        nearest_clip = distances.min(1).values  # four frames of it are the nearest of other clips
        is_among = (torch.cdist(asked.double(), others.double()) <= nearest_clip).any(1)
        assert 0.2 < is_among.float().mean() < 1
        assert score(*clips).value == pytest.approx(is_among.double().mean().item())


def test_no_distance_is_worked_out_that_the_share_does_not_need(monkeypatch):
    pairs, measured = [], torch.cdist
    monkeypatch.setattr(torch, "cdist", lambda *sides: pairs.append(math.prod(map(len, sides))) or measured(*sides))
    features, reference = torch.randn(30, 5), torch.randn(20, 5)
    for score, asked, others in ((precision_score, 30, 20), (recall_score, 20, 30)):
        score(features, reference)
        assert sum(pairs) == others * others + asked * others
        pairs.clear()


def test_a_third_neighbour_needs_four_rows_and_one_more_for_each_further_frame():
    with pytest.raises(ValueError, match="at least 4 rows"):
        precision_score(torch.rand(3, 2), torch.rand(9, 2))
    with pytest.raises(ValueError, match="at least 7 rows for precision and recall, got 4 and 8"):
        recall_score(torch.rand(1, 4, 2), torch.rand(2, 4, 2))
