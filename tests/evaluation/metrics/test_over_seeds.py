# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest

from nuwa_hf.evaluation.metrics.metric import Score
from nuwa_hf.evaluation.metrics.over_seeds import over_seeds


def test_seeds_give_the_mean_their_spread_and_the_samples_of_each():
    pytest.importorskip("scipy")
    score = over_seeds([Score(7.0, 100), Score(10.0, 90, 9.0, 11.0, "bootstrap"), Score(13.0, 100)])
    assert score.value == 10
    assert (score.low, score.high) == pytest.approx((10 - 7.45241, 10 + 7.45241), abs=1e-5)
    assert (score.samples, score.interval) == (90, "seeds")


def test_one_seed_and_seeds_that_change_nothing_keep_their_score():
    score = Score(0.5, 10, 0.24, 0.76, "Wilson")
    assert over_seeds([score]) is score
    assert over_seeds([score, score, score]) == score


def test_infinite_scores_have_no_interval():
    assert over_seeds([Score(math.inf, 5), Score(30.0, 5)]) == Score(math.inf, 5)


def test_no_score_has_no_mean():
    with pytest.raises(ValueError, match="at least one score"):
        over_seeds([])
