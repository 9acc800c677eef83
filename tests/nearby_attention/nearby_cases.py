# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Awkward sizes, shared by the tests of the definition and of the backends."""

from nuwa_hf.grid import Grid


GRIDS = [Grid(1, 1, 1), Grid(7, 1, 1), Grid(1, 5, 3), Grid(2, 2, 2), Grid(4, 7, 5)]

# Each case is a query grid, a key grid, a window and whether it is causal.
SELF_CASES = [
    (Grid(1, 1, 1), Grid(1, 1, 1), (3, 3, 3), True),
    (Grid(1, 5, 3), Grid(1, 5, 3), (3, 3, 3), True),
    (Grid(4, 7, 5), Grid(4, 7, 5), (3, 3, 3), True),
    (Grid(3, 4, 2), Grid(3, 4, 2), (5, 1, 3), True),
    (Grid(3, 4, 2), Grid(3, 4, 2), (9, 9, 9), True),
    (Grid(2, 3, 4), Grid(2, 3, 4), (None, 3, 1), True),
    (Grid(3, 5, 4), Grid(3, 5, 4), (3, 3, 3), False),
    (Grid(9, 1, 1), Grid(9, 1, 1), (None, None, None), False),
    (Grid(3, 3, 3), Grid(3, 3, 3), (1, None, 3), False),
]
CROSS_CASES = [
    (Grid(3, 4, 2), Grid(7, 1, 1), (None, None, None), False),
    (Grid(3, 4, 2), Grid(7, 1, 1), (3, 1, 1), False),
    (Grid(2, 3, 5), Grid(4, 6, 5), (3, 3, 3), False),
    (Grid(3, 5, 4), Grid(2, 2, 2), (1, 3, 1), False),
    (Grid(5, 1, 3), Grid(1, 4, 2), (3, 1, None), False),
]
CASES = SELF_CASES + CROSS_CASES


def name_of(case) -> str:
    query_grid, key_grid, window, causal = case
    names = ["x".join(str(n) for n in extents) for extents in (query_grid, key_grid, window)]
    return "-".join([*names, "causal" if causal else "open"])
