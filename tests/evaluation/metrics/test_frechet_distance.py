# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import pytest
import torch
from memory_meter import MemoryMeter
from PIL import Image, ImageFilter

from nuwa_hf.evaluation.metrics.frechet_distance import frechet_distance, frechet_score


pytest.importorskip("torch_fidelity")
linalg = pytest.importorskip("scipy.linalg")


def textbook_distance(features, reference):
    """The distance by its formula, with scipy's square root of the product of the covariances."""
    first, second = (side.flatten(end_dim=-2).double().numpy() for side in (features, reference))
    covariances = [np.cov(side, rowvar=False) for side in (first, second)]
    shift = first.mean(axis=0) - second.mean(axis=0)
    return (
        shift @ shift
        + np.trace(covariances[0])
        + np.trace(covariances[1])
        - 2 * np.trace(linalg.sqrtm(covariances[0] @ covariances[1])).real
    )


def symmetric_distance(features, reference):
    """The same from square roots of symmetric matrices, tr (S1^1/2 S2 S1^1/2)^1/2, which few rows do not trouble."""
    first, second = features.double(), reference.double()
    covariances = torch.cov(first.T), torch.cov(second.T)
    values, vectors = torch.linalg.eigh(covariances[0])
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    shift = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    return (shift + torch.trace(covariances[0]) + torch.trace(covariances[1]) - 2 * cross).item()


def test_distance_equals_two_other_implementations():
    features, reference = 3 * torch.randn(90, 12) @ torch.randn(12, 12), torch.randn(50, 12) + 1
    assert frechet_distance(features, reference) == pytest.approx(textbook_distance(features, reference), rel=1e-9)
    assert frechet_distance(features, reference) == pytest.approx(symmetric_distance(features, reference), rel=1e-9)


@pytest.mark.parametrize("count", [2, 9, 30])
def test_fewer_rows_than_features_are_exact_too(count):
    features, reference = torch.randn(count, 40) + 2, 2 * torch.randn(11, 40)
    assert frechet_distance(features, reference) == pytest.approx(symmetric_distance(features, reference), rel=1e-6)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)


def test_both_sets_are_in_memory_once_in_float64():
    features, reference = torch.randn(300, 20), torch.randn(200, 20)
    with MemoryMeter() as meter:
        frechet_distance(features, reference)
    assert meter.peak <= 8 * (features.numel() + reference.numel())


def test_every_frame_counts_as_a_row():
    features, reference = torch.randn(20, 4, 6), torch.rand(15, 4, 6)
    assert frechet_distance(features, reference) == frechet_distance(features.flatten(0, 1), reference.flatten(0, 1))
    assert frechet_score(features, reference).samples == 15


def test_distance_of_a_set_from_itself_is_zero_in_any_order():
    features = torch.randn(500, 8)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features, features.flip(0)) == pytest.approx(0, abs=1e-9)


def test_distance_of_shifted_sets_is_the_squared_shift():
    features, shift = torch.randn(500, 6).double(), torch.arange(6.0).double()
    assert frechet_distance(features + shift, features) == pytest.approx(55, abs=1e-6)


def test_distance_of_stretched_sets_is_that_of_their_deviations():
    """For covariances S and k^2 S of mean 0 it is (k - 1)^2 tr(S)."""
    features = torch.randn(400, 5).double()
    features = features - features.mean(dim=0)
    expected = 4 * torch.trace(torch.cov(features.T)).item()
    assert frechet_distance(3 * features, features) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(features, 3 * features) == pytest.approx(expected, rel=1e-9)


def test_halves_of_a_set_are_near_and_blur_and_noise_take_a_set_away():
    """Pictures of blocks, with their 8 x 8 x 3 pixels for features."""
    blocks = torch.randint(0, 256, (400, 2, 2, 3), dtype=torch.uint8)
    pictures = blocks.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
    real, generated = pictures[:200], pictures[200:]

    def distance(changed):
        return frechet_distance(changed.flatten(1).float(), real.flatten(1).float())

    def blurred(radius):
        made = [Image.fromarray(one.numpy()).filter(ImageFilter.GaussianBlur(radius)) for one in generated]
        return torch.from_numpy(np.stack([np.asarray(picture) for picture in made]))

    half = distance(generated)
    by_blur = [distance(blurred(radius)) for radius in (0, 1, 2, 4)]
    assert by_blur[0] == half
    assert by_blur == sorted(set(by_blur))
    noise = torch.randn(generated.shape)
    by_noise = [distance(generated + deviation * noise) for deviation in (0, 10, 30, 90)]
    assert by_noise == sorted(set(by_noise))
    assert half < 0.2 * by_noise[-1]


def test_one_row_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2 rows"):
        frechet_distance(torch.rand(1, 3), torch.rand(5, 3))
