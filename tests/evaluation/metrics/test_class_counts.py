# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation.metrics.class_counts import (
    frequency_weighted_iou_score,
    mean_iou_score,
    pixel_accuracy_score,
)
from nuwa_hf.metrics.class_map_scores import frequency_weighted_iou, pixel_accuracy


def counts(predicted, truth, num_classes):
    both = torch.where(predicted == truth, truth, num_classes)
    rows = [
        torch.stack([one.bincount(minlength=num_classes)[:num_classes] for one in maps.flatten(1)])
        for maps in (both, predicted, truth)
    ]
    return torch.stack(rows, dim=1)


def test_scores_of_counts_are_those_of_all_maps_together():
    predicted, truth = torch.randint(0, 5, (20, 6, 6)), torch.randint(1, 4, (20, 6, 6))
    counted = counts(predicted, truth, 7)
    accuracy, weighted = pixel_accuracy_score(counted), frequency_weighted_iou_score(counted)
    assert accuracy.value == pytest.approx(pixel_accuracy(predicted, truth).item())
    assert weighted.value == pytest.approx(frequency_weighted_iou(predicted, truth, 7).item())
    for score in (accuracy, weighted, mean_iou_score(counted)):
        assert score.low < score.value < score.high
        assert (score.samples, score.interval) == (20, "bootstrap")


def test_equal_maps_score_one_with_certainty():
    truth = torch.randint(0, 3, (9, 4, 4))
    for score in (pixel_accuracy_score, frequency_weighted_iou_score, mean_iou_score):
        found = score(counts(truth, truth, 3))
        assert found.low == found.value == found.high == 1


def test_mean_iou_counts_each_class_of_the_truth_once():
    """Class 0: 2 of 3 pixels; class 1: 1 of 2; class 2 is only predicted; class 3 is nowhere."""
    counted = torch.tensor([[[2, 1, 0, 0], [3, 1, 1, 0], [2, 2, 0, 0]]]).expand(5, 3, 4)
    assert mean_iou_score(counted).value == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_samples_without_a_true_pixel_leave_an_interval():
    counted = torch.zeros(12, 3, 2, dtype=torch.long)
    counted[0] = 4
    assert mean_iou_score(counted).low == mean_iou_score(counted).high == 1
    with pytest.raises(ValueError, match="at least one true pixel"):
        pixel_accuracy_score(torch.zeros(12, 3, 2))
