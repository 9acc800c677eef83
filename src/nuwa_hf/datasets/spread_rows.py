# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Rows and frames that stand for all of them, whatever repeats in the order of a data set.

Rows are often written in turns: one of each class, five captions of each clip. What is taken at equal distances from
these may be of one class alone. Multiples of the golden section spread as evenly and keep no step.
"""

_GOLDEN = 0x9E3779B97F4A7C15  # the golden section's share of 2^64
_BITS = 64


def golden_place(number: int, length: int) -> int:
    """A place of a number, spread evenly over its successors, and over every second, third, ... of them too.

    Args:
        number (`int`): 0 or more.
        length (`int`): how many places there are.

    Returns:
        `int`: in [0, length).
    """
    return (number * _GOLDEN) % 2**_BITS * length >> _BITS


def spread_rows(num_rows: int, count: int) -> list[int]:
    """Rows from all parts of a data set: one from each of `count` equal parts.

    Args:
        num_rows (`int`): rows of the data set.
        count (`int`): how many are wanted, at most.

    Returns:
        `list[int]`: rows in rising order, all of them if there are no more than `count`.
    """
    count = min(num_rows, count)
    bounds = [part * num_rows // count for part in range(count)] + [num_rows]
    return [bounds[part] + golden_place(part, bounds[part + 1] - bounds[part]) for part in range(count)]
