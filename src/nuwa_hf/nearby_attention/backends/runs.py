# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which places a block of places meets, as runs of consecutive places: what a kernel walks over.

A block is a number of consecutive places of one grid; its runs have as many places of the other grid, begin anywhere
and do not overlap. Together they hold every place that a window joins to one of the block, and some more. The table
has a few numbers for each block, as a window is a few rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ..neighborhood import NearbyPattern
from ..tables import table


@dataclass(frozen=True)
class Runs:
    """The runs of every block.

    Args:
        starts (`torch.Tensor` of shape `(blocks, runs)`, int32): the first place of each run, padded with 0.
        counts (`torch.Tensor` of shape `(blocks,)`, int32): how many runs a block has; 0 if it meets no place.
    """

    starts: torch.Tensor
    counts: torch.Tensor


def _seen_along(pattern: NearbyPattern, axis: int) -> list[range]:
    """For each index of the queries along an axis, the indices of keys that it sees."""
    return [pattern.axis_range(axis, index) for index in range(tuple(pattern.query_grid)[axis])]


def _seeing_along(pattern: NearbyPattern, axis: int) -> list[range]:
    """For each index of the keys along an axis, the indices of queries that see it; a range, as centres only grow."""
    seen = _seen_along(pattern, axis)
    seeing = ([i for i, keys in enumerate(seen) if k in keys] for k in range(tuple(pattern.key_grid)[axis]))
    return [range(i[0], i[-1] + 1) if i else range(0) for i in seeing]


def _intervals(pattern: NearbyPattern, of_keys: bool, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Intervals `[start, stop)` that places `first` to `last` meet; they may overlap."""
    grid, other = (pattern.key_grid, pattern.query_grid) if of_keys else (pattern.query_grid, pattern.key_grid)
    along = _seeing_along if of_keys else _seen_along
    frames, rows, columns = (along(pattern, axis) for axis in range(3))
    for row in range(first // grid.w, last // grid.w + 1):
        begin, end = max(first, row * grid.w), min(last, (row + 1) * grid.w - 1)
        met = [r for r in columns[begin % grid.w : end % grid.w + 1] if r]
        for t in frames[row // grid.h] if met else ():
            for h in rows[row % grid.h]:
                start, stop = ((t * other.h + h) * other.w + w for w in (met[0].start, met[-1].stop))
                if pattern.causal:
                    start, stop = (max(start, begin), stop) if of_keys else (start, min(stop, end + 1))
                if start < stop:
                    yield start, stop


@table(maxsize=64)
def runs(pattern: NearbyPattern, of_keys: bool, size: int, device: torch.device) -> Runs:
    """The runs of every block of queries, or of every block of keys.

    Args:
        pattern (`NearbyPattern`): which keys each query sees.
        of_keys (`bool`): blocks of keys and runs of queries, instead of blocks of queries and runs of keys.
        size (`int`): places in a block and in a run.
        device (`torch.device`): where the tables live.

    Returns:
        `Runs`: cached and shared, so not to be written to.
    """
    count = (pattern.key_grid if of_keys else pattern.query_grid).numel
    starts = []
    for first in range(0, count, size):
        covered, mine = 0, []
        for start, stop in sorted(_intervals(pattern, of_keys, first, min(first + size, count) - 1)):
            for begin in range(max(start, covered), stop, size):
                mine.append(begin)
                covered = begin + size
        starts.append(mine)
    longest = max(len(mine) for mine in starts)
    padded = torch.tensor([mine + [0] * (longest - len(mine)) for mine in starts], dtype=torch.int32, device=device)
    return Runs(padded, torch.tensor([len(mine) for mine in starts], dtype=torch.int32, device=device))
