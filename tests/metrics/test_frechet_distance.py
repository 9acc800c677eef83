# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.metrics.frechet_distance import frechet_distance


def test_frechet_distance_of_equal_sets_is_zero():
    features = torch.randn(50, 8)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(features[:5], features[:5].flip(0)) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_of_shifted_sets_is_the_squared_shift():
    features, shift = torch.randn(500, 6).double(), torch.arange(6.0).double()
    assert frechet_distance(features + shift, features) == pytest.approx(55, abs=1e-6)


def test_frechet_distance_of_stretched_sets_is_that_of_their_deviations():
    """For covariances S and k^2 S of mean 0 it is (k - 1)^2 tr(S)."""
    features = torch.randn(400, 5).double()
    features = features - features.mean(dim=0)
    expected = 4 * torch.trace(torch.cov(features.T)).item()
    assert frechet_distance(3 * features, features) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(features, 3 * features) == pytest.approx(expected, rel=1e-9)


def test_one_row_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2 rows"):
        frechet_distance(torch.rand(1, 3), torch.rand(5, 3))
