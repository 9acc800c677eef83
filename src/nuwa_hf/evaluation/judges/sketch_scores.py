# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How well the class map of what was drawn covers the sketch it was drawn for.

Shapes: C classes.
"""

import torch
from torch import Tensor

from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.datasets.sprites import CATEGORIES
from nuwa_hf.metrics.class_map_scores import frequency_weighted_iou, pixel_accuracy


def score_class_maps(predicted: Tensor, sketches: Tensor) -> dict[str, float]:
    """Hold class maps against sketches, over all pixels of all of them together.

    Args:
        predicted (`torch.Tensor` of any shape): classes of what was drawn.
        sketches (`torch.Tensor` of the same shape): classes of the sketches.

    Returns:
        `dict[str, float]`: `mean_iou_things`, the mean intersection over union of the classes of things that the
        sketches hold, each counting the same; `fw_iou`, that of all classes, weighted by their share of the
        sketches; `pixel_accuracy`.

    Raises:
        ValueError: If the shapes differ, are empty, or no sketch holds a thing.
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
