# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The Inception score.

Letters: B samples, T frames, V classes.
"""

import math

from torch import Tensor

from nuwa_hf.evaluation.metrics.evaluation_packages import import_for_evaluation
from nuwa_hf.evaluation.metrics.intervals import mean_interval
from nuwa_hf.evaluation.metrics.metric import Score
from nuwa_hf.evaluation.metrics.set_features import as_rows, frames_per_sample


def inception_score(logits: Tensor) -> Score:
    """How sure a classifier is of each picture, and how many classes it sees, as torch-fidelity works it out.

        exp(mean KL(p(class | picture) || p(class)))

    It is the mean over ten splits, or fewer where a split would hold a single picture; the interval comes from
    their spread. Frames of one sample are not independent: the interval is as wide as if each sample were one picture.

    Args:
        logits (`torch.Tensor` of shape `(B, V)` or `(B, T, V)`): of pictures or frames.

    Returns:
        `Score`: from 1 to V; without an interval if there is only one split.

    Raises:
        ValueError: If torch-fidelity is not there.
    """
    metric_isc = import_for_evaluation("torch_fidelity.metric_isc")
    rows = as_rows(logits)
    splits = max(1, min(10, len(rows) // 2))
    found = metric_isc.isc_features_to_metric(rows, splits=splits)
    value = found[metric_isc.KEY_METRIC_ISC_MEAN]
    if splits == 1:
        return Score(value, len(logits))
    deviation = found[metric_isc.KEY_METRIC_ISC_STD] * math.sqrt(splits / (splits - 1))
    low, high = mean_interval(value, deviation * math.sqrt(frames_per_sample([logits])), splits)
    return Score(value, len(logits), low, high, "subsets")
