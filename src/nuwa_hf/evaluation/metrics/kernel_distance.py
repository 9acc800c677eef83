# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The kernel distance between two sets of features; on Inception's it is the KID.

Letters: B samples, T frames, F features.
"""

import math

from torch import Tensor

from nuwa_hf.evaluation.metrics.evaluation_packages import import_for_evaluation
from nuwa_hf.evaluation.metrics.intervals import NORMAL_QUANTILE
from nuwa_hf.evaluation.metrics.metric import Score
from nuwa_hf.evaluation.metrics.set_features import as_rows, frames_per_sample


LARGEST_SUBSET = 1000  # torch-fidelity's own


def kernel_distance_score(features: Tensor, reference: Tensor) -> Score:
    """Squared maximum mean discrepancy of a cubic kernel, over subsets of 1,000 rows, as torch-fidelity works it out.

    Sets with fewer rows are taken whole. The distance does not depend on their size but for noise, and may be
    slightly negative.

    The interval is that of the jackknife which leaves out all but a subset of m of the n rows, at least half of them:
    value +- 1.96 s sqrt(m / (n - m)), where s is the standard deviation over subsets. Frames of one sample are not
    independent: the interval is as wide as if each sample were one row.

    Args:
        features (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of the samples.
        reference (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of the real set.

    Returns:
        `Score`: from as many samples as the smaller set has.

    Raises:
        ValueError: If torch-fidelity is not there.
    """
    metric_kid = import_for_evaluation("torch_fidelity.metric_kid")
    first, second = as_rows(features), as_rows(reference)

    def mean_and_deviation(subset_size: int) -> tuple[float, float]:
        is_whole = len(first) == len(second) == subset_size
        found = metric_kid.kid_features_to_metric(
            first, second, kid_subset_size=subset_size, kid_subsets=1 if is_whole else 100, verbose=False
        )
        return found[metric_kid.KEY_METRIC_KID_MEAN], found[metric_kid.KEY_METRIC_KID_STD]

    rows = min(len(first), len(second))
    samples = min(len(features), len(reference))
    value, deviation = mean_and_deviation(min(LARGEST_SUBSET, rows))
    half_size = min(LARGEST_SUBSET, rows // 2)
    if half_size < 2:
        return Score(value, samples)
    if half_size < LARGEST_SUBSET:
        deviation = mean_and_deviation(half_size)[1]
    reach = NORMAL_QUANTILE * deviation * math.sqrt(half_size / (rows - half_size))
    reach *= math.sqrt(frames_per_sample((features, reference)))
    return Score(value, samples, value - reach, value + reach, "subsets")
