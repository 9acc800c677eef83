# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How well class maps are reconstructed.

Letters in shapes: C classes.
"""

import torch
from torch import Tensor


def pixel_accuracy(predicted: Tensor, truth: Tensor) -> Tensor:
    """The share of the pixels with the right class.

    Args:
        predicted (`torch.Tensor` of any shape): classes.
        truth (`torch.Tensor` of the same shape): the right classes.

    Returns:
        `torch.Tensor`, a scalar in [0, 1].

    Raises:
        ValueError: If the shapes differ or are empty.
    """
    _check_shapes(predicted, truth)
    return (predicted == truth).float().mean()


def frequency_weighted_iou(predicted: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """The intersection over union of every class, weighted by the class's share of the true pixels.

        sum_c f_c |P_c and T_c| / |P_c or T_c|,   f_c = |T_c| / sum_k |T_k|

    Args:
        predicted (`torch.Tensor` of any shape): classes in `[0, C)`.
        truth (`torch.Tensor` of the same shape): the right classes.
        num_classes (`int`): number of classes, C.

    Returns:
        `torch.Tensor`, a scalar in [0, 1].

    Raises:
        ValueError: If the shapes differ or are empty, or a class is not in `[0, C)`.
    """
    _check_shapes(predicted, truth)
    for name, classes in (("predicted", predicted), ("truth", truth)):
        lowest, highest = classes.aminmax()
        if lowest < 0 or highest >= num_classes:
            raise ValueError(
                f"`{name}` must lie in [0, {num_classes}), got {int(lowest)} to {int(highest)}; raise `num_classes`."
            )
    both_C, predicted_C, truth_C = class_counts(predicted, truth, num_classes).float()
    # A class that neither has counts nothing, since its frequency is 0.
    iou_C = both_C / (truth_C + predicted_C - both_C).clamp_min(1)
    return (truth_C / truth_C.sum() * iou_C).sum()


def class_counts(predicted: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """How many pixels have each class, from which pixel accuracy and IoU over any number of maps are worked out.

    Args:
        predicted (`torch.Tensor` of any shape): classes in `[0, C)`.
        truth (`torch.Tensor` of the same shape): the right classes.
        num_classes (`int`): number of classes, C.

    Returns:
        `torch.LongTensor` of shape `(3, C)`: the pixels where both have the class, where the prediction has it, and
        where the truth has it.
    """
    both = truth[predicted == truth]
    return torch.stack([torch.bincount(maps.flatten(), minlength=num_classes) for maps in (both, predicted, truth)])


def _check_shapes(predicted: Tensor, truth: Tensor) -> None:
    if predicted.shape != truth.shape or truth.numel() == 0:
        raise ValueError(
            "`predicted` and `truth` must have one shape, which is not empty, "
            f"got {tuple(predicted.shape)} and {tuple(truth.shape)}."
        )
