# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One file of token files, open: its columns and where their rows are."""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from nuwa_hf.argument_types import shown


# The columns with the number of their axes; a shard may lack the others.
COLUMNS = {"video_tokens": 4, "caption_ids": 2, "image_caption_ids": 2, "image_indices": 1}
FURTHER_COLUMNS = {"sketch_tokens": 4, "source_rows": 1}
SHARD_NAME = re.compile(r"tokens-(\d{5,12})[.]safetensors")
DTYPES = {"U16": np.dtype("<u2"), "I32": np.dtype("<i4")}  # on disk; earlier versions wrote 32 bits only


class OpenShard:
    """One shard, open. Rows are read from the file and not mapped, so that no page of it counts as the process's.

    Args:
        path (`Path`): the file.

    Attributes:
        num_rows (`int`): clips.
        row_shapes (`dict[str, tuple[int, ...]]`): column to the shape of one row.
        bounds (`dict[str, tuple[int, int]]`, *optional*): column to its smallest and largest value; None if the file
            does not say.

    Raises:
        ValueError: If it is damaged.
    """

    def __init__(self, path: Path):
        self.path = path
        with opened(path) as file:
            metadata = file.metadata() or {}
            slices = {name: file.get_slice(name) for name in file.offset_keys()}
            kinds = {name: one.get_dtype() for name, one in slices.items()}
            shapes = {name: tuple(one.get_shape()) for name, one in slices.items()}
        if not _are_columns(shapes):
            raise damaged(path, f"holds {in_words(shapes)}, not the columns of tokens")
        if not set(kinds.values()) <= DTYPES.keys():
            raise damaged(path, f"holds numbers of the types {sorted(set(kinds.values()))}, not only {list(DTYPES)}")
        self.num_rows = shapes["video_tokens"][0]
        self.row_shapes = {name: shape[1:] for name, shape in shapes.items()}
        try:
            self.bounds = bounds_in(info_in(metadata), shapes)
        except ValueError as error:
            raise damaged(path, str(error)) from error
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 (open until `close`)
        self._lock = threading.Lock()
        self._places, offset = {}, os.fstat(self._file.fileno()).st_size
        for name in reversed(shapes):  # the format has no gaps, and nothing after the last tensor
            offset -= prod(shapes[name]) * DTYPES[kinds[name]].itemsize
            self._places[name] = (offset, DTYPES[kinds[name]])

    def __del__(self):
        if hasattr(self, "_file"):
            self.close()

    def close(self) -> None:
        """Closes the file, so that it can be deleted on Windows too. Nothing can be read any more."""
        self._file.close()

    def read(self, name: str, first: int, count: int) -> np.ndarray:
        """Rows that follow each other.

        Args:
            name (`str`): the column.
            first (`int`): the first row.
            count (`int`): how many.

        Returns:
            `np.ndarray`: int32, with a first axis of `count`.

        Raises:
            ValueError: If the file is shorter than it was, or a value is none of those that were written.
        """
        offset, dtype = self._places[name]
        values = np.empty((count, *self.row_shapes[name]), dtype)
        offset, content = offset + first * values[:1].nbytes, memoryview(values.reshape(-1).view(np.uint8))
        while content:
            num_bytes = self._read_at(offset, content)
            if num_bytes == 0:
                raise damaged(self.path, f"ends within {name}")
            offset, content = offset + num_bytes, content[num_bytes:]
        if self.bounds is not None and values.size:
            low, high = self.bounds[name]
            if values.min() < low or values.max() > high:
                raise damaged(self.path, f"holds values in {name} that are not between {low} and {high}, as written")
        return values.astype(np.int32)

    def _read_at(self, offset: int, content: memoryview) -> int:
        if hasattr(os, "preadv"):
            # It moves no position in the file, so processes that share it after a fork do not disturb each other.
            return os.preadv(self._file.fileno(), [content], offset)
        with self._lock:  # Windows, where nothing forks
            self._file.seek(offset)
            return self._file.readinto(content)


def info_in(metadata: dict[str, str]) -> dict[str, Any]:
    """What a shard says about itself.

    Args:
        metadata (`dict[str, str]`): as safetensors stores it.

    Returns:
        `dict[str, Any]`: empty if it says nothing.

    Raises:
        ValueError: If that cannot be read.
    """
    try:
        info = json.loads(metadata.get("info", "{}"))
    except (ValueError, RecursionError) as error:
        raise ValueError("says about itself what is no JSON") from error
    if not isinstance(info, dict):
        raise ValueError(f"says about itself {shown(info)}, where names with values should stand")
    return info


def bounds_in(info: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, int]] | None:
    """The smallest and the largest value of each column, as a shard says them.

    Args:
        info (`dict[str, Any]`): from `info_in`.
        shapes (`dict[str, tuple[int, ...]]`): column to shape.

    Returns:
        `dict[str, tuple[int, int]]`: of all columns; empty without clips; None if it does not say them.

    Raises:
        ValueError: If they are none.
    """
    bounds = info.get("bounds")
    if bounds is None:
        return None
    needed = {name for name, shape in shapes.items() if shape[0]}
    if not isinstance(bounds, dict) or bounds.keys() != needed:
        raise ValueError(f"names the bounds {shown(bounds)}, where each column should have two")
    for name, pair in bounds.items():
        if not isinstance(pair, list) or len(pair) != 2 or not all(type(bound) is int for bound in pair):
            raise ValueError(f"names the bounds {shown(pair)} of {name}, where two whole numbers should stand")
    return {name: tuple(pair) for name, pair in bounds.items()}


def _are_columns(shapes: dict[str, tuple[int, ...]]) -> bool:
    known = COLUMNS | FURTHER_COLUMNS
    if not COLUMNS.keys() <= shapes.keys() <= known.keys():
        return False
    if any(len(shape) != known[name] for name, shape in shapes.items()):
        return False
    return len({shape[0] for shape in shapes.values()}) == 1 and all(all(shape[1:]) for shape in shapes.values())


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A shard as safetensors opens it.

    Args:
        path (`Path`): the file.

    Yields:
        `safe_open`.

    Raises:
        ValueError: If it is damaged.
    """
    if path.exists() and not path.is_file():
        raise damaged(path, "is a folder, a device or a pipe")
    try:
        with safe_open(path, "np") as file:
            yield file
    except SafetensorError as error:
        raise damaged(path, f"cannot be read: {error}") from error


def damaged(path: Path, reason: str) -> ValueError:
    """The error of a file that is not whole.

    Args:
        path (`Path`): the file.
        reason (`str`): what it does.

    Returns:
        `ValueError`.
    """
    return ValueError(
        f"`tokens` must be whole, got {str(path)!r}, which {reason}; delete that file and run `nuwa-hf tokenize` "
        "again with the same arguments, which writes it anew."
    )


def in_words(shapes: dict[str, tuple[int, ...]]) -> str:
    """Columns and their shapes, for an error message."""
    return ", ".join(f"{name} of {shape}" for name, shape in sorted(shapes.items())) or "nothing"
