# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One score from those of several seeds."""

import math
from collections.abc import Sequence

import numpy as np

from nuwa_hf.evaluation.metrics.intervals import mean_interval
from nuwa_hf.evaluation.metrics.metric import Score


def over_seeds(scores: Sequence[Score]) -> Score:
    """The mean of one metric over seeds, with Student's t interval.

    The interval says how far another seed may lead. It leaves the choice of the real set out, which all seeds share.

    Args:
        scores (`Sequence[Score]`): of the same metric, one for each seed.

    Returns:
        `Score`: its samples are those of each seed, not of all together, for that is what a Frechet distance depends
        on; of the smallest if they differ. The score itself, with its own interval, if there is only one or all are
        equal, as where none depends on the seed; without an interval if one is infinite.

    Raises:
        ValueError: If there are no scores.
    """
    if len(scores) == 0:
        raise ValueError("`scores` must hold at least one score, got none; give the score of each seed.")
    if all(score == scores[0] for score in scores):
        return scores[0]
    values = np.array([score.value for score in scores])
    samples = min(score.samples for score in scores)
    mean = float(values.mean())
    if not math.isfinite(mean):
        return Score(mean, samples)
    low, high = mean_interval(mean, float(values.std(ddof=1)), len(values))
    return Score(mean, samples, low, high, "seeds")
