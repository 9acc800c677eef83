# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Estimates from measurements: the time of many steps from that of a few, and the growth of a time."""

from collections.abc import Callable, Sequence

import numpy as np


def evenly_spaced(num_steps: int, num_timed: int) -> list[int]:
    """The middle steps of equal parts of a sequence of steps.

    Args:
        num_steps (`int`): N, how many steps there are.
        num_timed (`int`): n, how many to take; all of them if there are fewer.

    Returns:
        `list[int]`: increasing indices in [0, N).

    Raises:
        ValueError: If `num_timed` is below 1.
    """
    if num_timed < 1:
        raise ValueError(f"the number of timed steps must be at least 1, got {num_timed}.")
    num_timed = min(num_timed, num_steps)
    return [(2 * part + 1) * num_steps // (2 * num_timed) for part in range(num_timed)]


def estimate_from_steps(time_step: Callable[[int], float], num_steps: int, num_timed: int) -> float:
    """Estimate the seconds of all steps by timing some: each represents its part (the midpoint rule).

        seconds = N / n * (s_1 + ... + s_n)

    Exact for a time that grows linearly, and for any time if all steps are timed.

    Args:
        time_step (`Callable`): takes the step of an index and gives its seconds.
        num_steps (`int`): N.
        num_timed (`int`): n.

    Returns:
        `float`: seconds.
    """
    places = evenly_spaced(num_steps, num_timed)
    return num_steps / len(places) * sum(time_step(place) for place in places)


def fit_exponent(tokens: Sequence[int], seconds: Sequence[float]) -> float:
    """The p of `seconds ~ tokens^p`, by least squares in logarithms.

    Args:
        tokens (`Sequence[int]`): at least two different sizes.
        seconds (`Sequence[float]`): their times.

    Returns:
        `float`: p.
    """
    return float(np.polyfit(np.log(tokens), np.log(seconds), 1)[0])
