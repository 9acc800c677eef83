# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What every data set is to the commands that read one: rows, and a reader that makes samples from them."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol


Rows = list[tuple[int, Any]]  # row numbers and rows of a data set


class SampleReader(Protocol):
    """Turns a row of a data set into samples. It must be picklable."""

    gives_several: bool  # whether several samples may come from one image or clip
    reads_captions: bool  # whether there may be captions

    def read(self, number: int, row: Any) -> Iterable[dict[str, Any]]:
        """The samples of a row: each window of its clip, each crop of that. BrokenMediaError if it is unusable."""

    def name(self, number: int, row: Any) -> str:
        """The name of a row, for messages."""

    def source_row(self, number: int) -> int:
        """The number of the first row with the same image or clip."""


class RowSource(Protocol):
    """A data set whose rows are read one after another."""

    num_rows: int | None  # None if it is streamed
    reader: SampleReader

    def rows(self, start: int) -> Iterator[tuple[int, Any]]:
        """Row numbers and rows, starting at a row."""
