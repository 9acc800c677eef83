# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Scores of class maps, from the pixels of each class counted over a whole set.

Letters: B samples, C classes, R resamples. The three rows of counts are the pixels of a class where both maps have
it, those of the predicted map, and those of the true one.
"""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from nuwa_hf.evaluation.metrics.intervals import bootstrap_interval
from nuwa_hf.evaluation.metrics.metric import Score


def pixel_accuracy_score(class_counts: Tensor) -> Score:
    """The share of the pixels with the right class, over all samples together.

    Args:
        class_counts (`torch.Tensor` of shape `(B, 3, C)`): pixels in the intersection, predicted, in the truth.

    Returns:
        `Score`: in [0, 1], with a bootstrap interval over samples.

    Raises:
        ValueError: If there are no pixels.
    """
    return _score_of_sums(class_counts, _pixel_accuracy)


def frequency_weighted_iou_score(class_counts: Tensor) -> Score:
    """The intersection over union of every class, weighted by its share of the true pixels (FWIoU).

        sum_c f_c |P_c and T_c| / |P_c or T_c|,   f_c = |T_c| / sum_k |T_k|

    Args:
        class_counts (`torch.Tensor` of shape `(B, 3, C)`): pixels in the intersection, predicted, in the truth.

    Returns:
        `Score`: in [0, 1], with a bootstrap interval over samples.

    Raises:
        ValueError: If there are no pixels.
    """
    return _score_of_sums(class_counts, _frequency_weighted_iou)


def mean_iou_score(class_counts: Tensor) -> Score:
    """The mean intersection over union of the classes that the truth has, each with the same weight.

    Args:
        class_counts (`torch.Tensor` of shape `(B, 3, C)`): pixels in the intersection, predicted, in the truth; only
            of the classes that count.

    Returns:
        `Score`: in [0, 1], with a bootstrap interval over samples.

    Raises:
        ValueError: If there are no pixels.
    """
    return _score_of_sums(class_counts, _mean_iou)


def _score_of_sums(class_counts: Tensor, score: Callable[[np.ndarray], np.ndarray]) -> Score:
    counts_B3C = class_counts.double().numpy()
    sums_13C = counts_B3C.sum(axis=0, keepdims=True)
    if sums_13C[:, 2].sum() == 0:
        raise ValueError("`class_counts` must count at least one true pixel, got none; give other sketches.")
    num_classes = counts_B3C.shape[2]
    low, high = bootstrap_interval(
        counts_B3C.reshape(len(counts_B3C), -1), lambda sums: score(sums.reshape(-1, 3, num_classes))
    )
    return Score(float(score(sums_13C)[0]), len(counts_B3C), low, high, "bootstrap")


def _pixel_accuracy(sums_R3C: np.ndarray) -> np.ndarray:
    return sums_R3C[:, 0].sum(axis=1) / sums_R3C[:, 2].sum(axis=1)


def _frequency_weighted_iou(sums_R3C: np.ndarray) -> np.ndarray:
    true_RC = sums_R3C[:, 2]
    return (true_RC * _iou(sums_R3C)).sum(axis=1) / true_RC.sum(axis=1)


def _mean_iou(sums_R3C: np.ndarray) -> np.ndarray:
    is_there_RC = sums_R3C[:, 2] > 0
    return (_iou(sums_R3C) * is_there_RC).sum(axis=1) / is_there_RC.sum(axis=1)


def _iou(sums_R3C: np.ndarray) -> np.ndarray:
    both_RC, predicted_RC, true_RC = sums_R3C[:, 0], sums_R3C[:, 1], sums_R3C[:, 2]
    # A class that neither map has counts nothing: whatever it is divided by, its weight is 0.
    return both_RC / np.maximum(predicted_RC + true_RC - both_RC, 1)
