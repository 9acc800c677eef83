# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""95 % intervals of scores.

Letters: B samples, K sums.
"""

import math
from collections.abc import Callable

import numpy as np

from nuwa_hf.evaluation.metrics.evaluation_packages import import_for_evaluation


NORMAL_QUANTILE = 1.959964  # standard deviations on either side that hold 95 % of a normal distribution
RESAMPLES = 1000


def wilson_interval(hits: float, trials: int, z: float = NORMAL_QUANTILE) -> tuple[float, float]:
    """Wilson score interval of a share; unlike the normal one it stays in [0, 1] and has width at 0 and at 1.

        (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Args:
        hits (`float`): successes.
        trials (`int`): all trials, at least 1.
        z (`float`, defaults to 1.959964): standard deviations; the default is a 95 % interval.

    Returns:
        `tuple[float, float]`: low and high end.
    """
    share = hits / trials
    scale = 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / scale
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_interval(rows_BK: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """Bootstrap interval of a score that is a function of sums over samples: the middle 95 % over 1,000 resamples.

    Each resample draws B samples with replacement, always the same ones for the same B. With few samples it is
    somewhat too narrow, for 10 of a normal distribution by a fifth.

    Args:
        rows_BK (`np.ndarray` of shape `(B, K)`): what each sample adds to the sums.
        score (`Callable`): called with the sums of many resamples, of shape `(R, K)`; returns their scores, `(R,)`,
            not a number for a resample that has none.

    Returns:
        `tuple[float, float]`: low and high end.
    """
    generator = np.random.default_rng(0)
    count = len(rows_BK)
    scores = []
    for _ in range(RESAMPLES // 100):
        times_drawn = generator.multinomial(count, np.full(count, 1 / count), size=100)
        with np.errstate(invalid="ignore"):
            scores.append(score(times_drawn @ rows_BK))
    low, high = np.nanquantile(np.concatenate(scores), [0.025, 0.975])
    return float(low), float(high)


def mean_interval(mean: float, deviation: float, count: int) -> tuple[float, float]:
    """Student's t interval of a mean of independent values.

        mean +- t(count - 1) deviation / sqrt(count)

    Args:
        mean (`float`): of the values.
        deviation (`float`): their standard deviation, with `count - 1` in the denominator.
        count (`int`): how many values, at least 2.

    Returns:
        `tuple[float, float]`: low and high end.
    """
    quantile = import_for_evaluation("scipy.stats").t.ppf(0.975, count - 1)
    half = float(quantile) * deviation / math.sqrt(count)
    return mean - half, mean + half
