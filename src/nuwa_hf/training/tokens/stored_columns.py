# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Columns of token files that stay on disk: the rows that are asked for are read, and nothing else is in memory.

Legend: C clips.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import torch

from nuwa_hf.training.tokens.open_shard import OpenShard, damaged, in_words


OPEN_SHARDS = 16  # files that a process keeps open for each folder
MOST_OPEN = 128  # of all folders: half of what macOS lets a process open
ROWS_AT_ONCE = 1024  # read together where all rows are looked at


_IN_USE: "WeakSet[StoredShards]" = WeakSet()


class StoredColumn:
    """One column of all clips of a folder. Indexing reads rows into memory, always as `torch.int32`.

    `column[5]` is one row; `column[2:9]`, `column[[7, 3]]` and `column[:]` are several. It can be pickled, and forked
    processes can read at the same time.

    Args:
        shards (`StoredShards`): the files.
        name (`str`): of the column.
        rows (`torch.IntTensor` of shape `(C,)`, *optional*): the rows of the files that the column has; None for all.
    """

    def __init__(self, shards: "StoredShards", name: str, rows: torch.Tensor | None = None):
        self.shards = shards
        self.name = name
        self.rows = rows

    def __len__(self) -> int:
        return len(self.shards) if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that `column[:]` would have."""
        return (len(self), *self.shards.row_shapes[self.name])

    def __getitem__(self, rows: int | slice | Sequence[int] | torch.Tensor) -> torch.Tensor:
        if isinstance(rows, int):
            return torch.from_numpy(self._row(rows))
        if isinstance(rows, slice):
            chosen = range(len(self))[rows]
            if self.rows is None and chosen.step == 1:
                return torch.from_numpy(self.shards.read(self.name, chosen.start, len(chosen)))
            rows = list(chosen)
        if isinstance(rows, tuple):  # which a tensor would take for an axis each
            raise TypeError(f"`rows` must choose clips alone, got {rows}; read first, as in `column[rows][:, 0]`.")
        places = torch.as_tensor(rows)
        if places.dtype == torch.bool:
            places = places.nonzero().flatten()
        if places.ndim == 0:
            return torch.from_numpy(self._row(int(places)))
        read = [self._row(place) for place in places.tolist()]
        return torch.from_numpy(np.stack(read) if read else np.empty((0, *self.shape[1:]), np.int32))

    def _row(self, place: int) -> np.ndarray:
        place = range(len(self))[place]  # raises an IndexError, which ends a loop over the column
        return self.shards.read(self.name, place if self.rows is None else int(self.rows[place]), 1)[0, ...]

    def only(self, rows: torch.Tensor) -> "StoredColumn":
        """Some of the rows, still on disk.

        Args:
            rows (`torch.IntTensor` of shape `(C,)`): which.

        Returns:
            `StoredColumn`.
        """
        return StoredColumn(self.shards, self.name, rows if self.rows is None else self.rows[rows])

    def blocks(self) -> Iterator[torch.Tensor]:
        """All rows, about a thousand at a time.

        Yields:
            `torch.IntTensor`.
        """
        for first in range(0, len(self), ROWS_AT_ONCE):
            yield self[first : first + ROWS_AT_ONCE]

    def bounds(self) -> tuple[int, int] | None:
        """The smallest and the largest value in the files. They are read only where a shard does not say.

        Returns:
            `tuple[int, int]`, or None if there is no clip.
        """
        bounds = self.shards.bounds[self.name]
        for first, count in self.shards.unbounded:
            for start in range(first, first + count, ROWS_AT_ONCE):
                block = self.shards.read(self.name, start, min(ROWS_AT_ONCE, first + count - start))
                bounds = _around(bounds, (int(block.min()), int(block.max())))
        return bounds


class StoredShards:
    """The shards of a folder. Their headers are looked at once; what is kept of them is where each begins.

    Args:
        paths (`Sequence[Path]`): the files, in order, at least one.

    Attributes:
        row_shapes (`dict[str, tuple[int, ...]]`): column to the shape of one row.
        bounds (`dict[str, tuple[int, int] | None]`): column to the smallest and the largest value of the shards that
            say theirs.
        unbounded (`list[tuple[int, int]]`): first row and number of rows of the others, which earlier versions wrote.

    Raises:
        ValueError: If a file is damaged or does not hold the columns of the first one with clips.
    """

    def __init__(self, paths: Sequence[Path]):
        self.paths = tuple(paths)
        self.row_shapes: dict[str, tuple[int, ...]] = {}
        self.bounds: dict[str, tuple[int, int] | None] = {}
        self.unbounded: list[tuple[int, int]] = []
        self._open: OrderedDict[int, OpenShard] = OrderedDict()
        starts = [0]
        for path in self.paths:
            shard = OpenShard(path)
            if starts[-1] == 0:  # a shard without a clip need not have the columns of the others
                self.row_shapes = shard.row_shapes
                self.bounds = dict.fromkeys(self.row_shapes)
            if shard.num_rows and shard.row_shapes != self.row_shapes:
                raise damaged(path, f"holds only {in_words(shard.row_shapes)}, not {in_words(self.row_shapes)}")
            if shard.num_rows and shard.bounds is None:
                self.unbounded.append((starts[-1], shard.num_rows))
            for name, bounds in (shard.bounds or {}).items():
                self.bounds[name] = _around(self.bounds[name], bounds)
            starts.append(starts[-1] + shard.num_rows)
        self._starts = starts
        _IN_USE.add(self)

    def __len__(self) -> int:
        return self._starts[-1]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_open": OrderedDict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        _IN_USE.add(self)

    def read(self, name: str, first: int, count: int) -> np.ndarray:
        """Rows that follow each other.

        Args:
            name (`str`): the column.
            first (`int`): the first row, among those of all shards.
            count (`int`): how many.

        Returns:
            `np.ndarray`: int32, with a first axis of `count`.

        Raises:
            ValueError: If a file was damaged or changed since it was looked at.
        """
        parts, last = [], first + count
        index = bisect_right(self._starts, first) - 1
        while first < last:
            start, end = self._starts[index : index + 2]
            if first < end:
                parts.append(self._opened(index).read(name, first - start, min(last, end) - first))
                first = min(last, end)
            index += 1
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, *self.row_shapes[name]), np.int32)

    def _opened(self, index: int) -> OpenShard:
        if index in self._open:
            self._open.move_to_end(index)
            return self._open[index]
        shard = OpenShard(self.paths[index])
        if shard.row_shapes != self.row_shapes or shard.num_rows != self._starts[index + 1] - self._starts[index]:
            raise damaged(shard.path, "is another one than when the run began")
        most = min(OPEN_SHARDS, max(1, MOST_OPEN // len(_IN_USE)))
        while len(self._open) >= most:
            self._open.popitem(last=False)
        self._open[index] = shard
        return shard


def _around(first: tuple[int, int] | None, second: tuple[int, int]) -> tuple[int, int]:
    return tuple(second) if first is None else (min(first[0], second[0]), max(first[1], second[1]))
