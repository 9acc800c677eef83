# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation.metrics.inception_score import inception_score


pytest.importorskip("torch_fidelity")


@pytest.mark.parametrize("count", [2, 9, 10, 40])
def test_one_repeated_picture_scores_one(count):
    score = inception_score(torch.randn(1, 7).expand(count, 7))
    assert score.value == pytest.approx(1, abs=1e-12)
    assert score.samples == count


def test_as_many_sure_classes_as_pictures_score_their_number():
    score = inception_score(100 * torch.eye(8))
    assert score.value == pytest.approx(8)
    assert score.interval is None


def test_ten_splits_give_an_interval_and_frames_do_not_narrow_it():
    logits = 2 * torch.randn(60, 1, 5)
    single, repeated = inception_score(logits), inception_score(logits.expand(60, 4, 5))
    assert single.low < single.value < single.high
    assert single.interval == repeated.interval == "subsets"
    assert repeated.samples == 60
    assert repeated.high - repeated.low > 0.5 * (single.high - single.low)
