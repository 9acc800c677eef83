# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.metrics.class_map_scores import frequency_weighted_iou, pixel_accuracy


NUM_CLASSES = 5  # of which the truth of `pair` lacks the last


def pair(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(NUM_CLASSES - 1, (2, 6, 7), generator=generator)
    other = torch.randint(NUM_CLASSES, (2, 6, 7), generator=generator)
    return torch.where(torch.rand(2, 6, 7, generator=generator) < 0.7, truth, other), truth


@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_their_definition_over_sets_of_pixels(seed):
    predicted, truth = pair(seed)
    places = list(range(truth.numel()))
    predicted_at, truth_at = predicted.flatten().tolist(), truth.flatten().tolist()
    iou = 0.0
    for c in range(NUM_CLASSES):
        claimed, true = {p for p in places if predicted_at[p] == c}, {p for p in places if truth_at[p] == c}
        if claimed | true:
            iou += len(true) / len(places) * len(claimed & true) / len(claimed | true)
    right = sum(predicted_at[p] == truth_at[p] for p in places)
    assert pixel_accuracy(predicted, truth).item() == pytest.approx(right / len(places), abs=1e-6)
    assert frequency_weighted_iou(predicted, truth, NUM_CLASSES).item() == pytest.approx(iou, abs=1e-6)


def test_scores_are_one_for_the_truth_and_zero_where_no_pixel_is_right():
    _, truth = pair(0)
    wrong = (truth + 1) % NUM_CLASSES
    assert (pixel_accuracy(truth, truth), frequency_weighted_iou(truth, truth, NUM_CLASSES)) == (1, 1)
    assert (pixel_accuracy(wrong, truth), frequency_weighted_iou(wrong, truth, NUM_CLASSES)) == (0, 0)


def test_class_maps_that_do_not_fit_are_errors():
    predicted, truth = pair(0)
    with pytest.raises(ValueError, match="`predicted` and `truth` must have one shape"):
        pixel_accuracy(predicted[:1], truth)
    with pytest.raises(ValueError, match="`predicted` and `truth` must have one shape"):
        frequency_weighted_iou(predicted[:0], truth[:0], NUM_CLASSES)
    with pytest.raises(ValueError, match=r"`truth` must lie in \[0, 3\)"):
        frequency_weighted_iou(predicted.clamp_max(2), truth, 3)
