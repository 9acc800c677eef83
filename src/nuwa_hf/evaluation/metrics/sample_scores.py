# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Scores that are means over samples.

Letters: B samples.
"""

import math

import numpy as np
from torch import Tensor

from nuwa_hf.evaluation.metrics.intervals import bootstrap_interval, wilson_interval
from nuwa_hf.evaluation.metrics.metric import Score


def mean_score(values: Tensor) -> Score:
    """The mean of one value for each sample, with a bootstrap interval over samples.

    Args:
        values (`torch.Tensor` of shape `(B,)` or `(B, T)`): the values, or one for each frame, whose mean is the
            sample's. A sample whose value is not a number does not count.

    Returns:
        `Score`: without an interval if the mean is infinite, as the PSNR of equal pictures is.

    Raises:
        ValueError: If no sample counts.
    """
    counted = _counted(values)
    mean = float(counted.mean())
    if not math.isfinite(mean):
        return Score(mean, len(counted))
    # The first value is taken off before and put back after, so that equal values have an interval of no width.
    offset = counted[0]
    low, high = bootstrap_interval((counted - offset)[:, None], lambda sums: offset + sums[:, 0] / len(counted))
    return Score(mean, len(counted), low, high, "bootstrap")


def share_score(hits: Tensor) -> Score:
    """The share of samples that are right, with its Wilson interval.

    Args:
        hits (`torch.Tensor` of shape `(B,)`): 1 or True for a right one, 0 or False for a wrong one. A sample whose
            value is not a number does not count.

    Returns:
        `Score`: in [0, 1].

    Raises:
        ValueError: If no sample counts.
    """
    counted = _counted(hits)
    low, high = wilson_interval(float(counted.sum()), len(counted))
    return Score(float(counted.mean()), len(counted), low, high, "Wilson")


def _counted(values: Tensor) -> np.ndarray:
    """The samples' values in float64, without those that are not a number."""
    values_B = values.double().flatten(start_dim=1).mean(dim=1) if values.ndim > 1 else values.double()
    counted = values_B[~values_B.isnan()].numpy()
    if len(counted) == 0:
        raise ValueError(f"`values` must hold a number for at least one sample, got none for {len(values)} samples.")
    return counted
