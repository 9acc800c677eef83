# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Compares the class map of a generated picture with the sketch it was made from.

Shapes: C classes.
"""

import torch
from torch import Tensor

from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.datasets.sprites import CATEGORIES
from nuwa_hf.metrics.class_map_scores import frequency_weighted_iou, pixel_accuracy


def score_class_maps(predicted: Tensor, sketches: Tensor) -> dict[str, float]:
    """Compare class maps with sketches, over all pixels of all of them together.

    Args:
        predicted (`torch.Tensor` of any shape): classes of the generated pictures.
        sketches (`torch.Tensor` of the same shape): classes of the sketches.

    Returns:
        `dict[str, float]`: `mean_iou_things`, the mean intersection over union of the classes of things in the
        sketches, each with the same weight; `fw_iou`, that of all classes, weighted by their share of the sketches;
        `pixel_accuracy`.

    Raises:
        ValueError: If the shapes differ, are empty, or no sketch has a thing.
    """
    scores = {
        "pixel_accuracy": pixel_accuracy(predicted, sketches).item(),
        "fw_iou": frequency_weighted_iou(predicted, sketches, len(sketch_class_names)).item(),
    }
    ious = [
        ((predicted == thing) & (sketches == thing)).sum() / ((predicted == thing) | (sketches == thing)).sum()
        for thing in range(1, len(CATEGORIES))
        if (sketches == thing).any()
    ]
    if not ious:
        raise ValueError("`sketches` must hold at least one pixel of a thing, got only background; give other ones.")
    return {"mean_iou_things": torch.stack(ious).mean().item(), **scores}
