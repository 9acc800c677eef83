# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The parts of a stream that can be read on their own, so that a machine need not read what comes before its rows.

A part is a file, or several where there are very many; parquet files have further parts, their row groups. A stream
is its parts one after another, so once their rows are counted, any row is found without reading the others.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import datasets


MOST_PARTS = 4096

PartCounts = Sequence[Sequence[int]]  # rows of each piece of each part


def num_parts(stream: datasets.IterableDataset) -> int:
    """How many parts a stream has.

    Args:
        stream (`datasets.IterableDataset`): the stream.

    Returns:
        `int`: at least 1, at most 4096.
    """
    return min(stream.num_shards, MOST_PARTS)


def count_part(stream: datasets.IterableDataset, index: int) -> tuple[int, ...]:
    """Count the rows of a part by reading it once.

    Args:
        stream (`datasets.IterableDataset`): the stream.
        index (`int`): which part.

    Returns:
        `tuple[int, ...]`: the rows of each of its pieces.
    """
    part = _part(stream, index)
    return tuple(sum(1 for _ in part.shard(part.num_shards, piece)) for piece in range(part.num_shards))


def rows_from(stream: datasets.IterableDataset, counts: PartCounts, start: int) -> Iterator[dict[str, Any]]:
    """The rows of a stream from one on. Of what comes before it only a part of one piece is read.

    Args:
        stream (`datasets.IterableDataset`): the stream.
        counts (`Sequence[Sequence[int]]`): what `count_part` gave for each part.
        start (`int`): the first row.

    Yields:
        `dict[str, Any]`: one row after another.
    """
    for index, pieces in enumerate(counts):
        if start >= sum(pieces):
            start -= sum(pieces)
            continue
        part = _part(stream, index)
        for piece, count in enumerate(pieces):
            if start < count:
                yield from part.shard(part.num_shards, piece).skip(start)
            start = max(start - count, 0)


def _part(stream: datasets.IterableDataset, index: int) -> datasets.IterableDataset:
    return stream.shard(num_parts(stream), index).reshard()
