# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Clips that are made from their index, as a data set whose rows are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .emoji_motion import EmojiMotion


@dataclass(frozen=True)
class IndexedClips:
    """A data set of clips that are made from their index, with the interface of one that is read.

    Args:
        dataset (`EmojiMotion`): the clips.
    """

    dataset: EmojiMotion
    gives_several = False

    @property
    def num_rows(self) -> int:
        """The number of clips."""
        return len(self.dataset)

    @property
    def reader(self) -> "IndexedClips":
        """The object that makes the samples: this one."""
        return self

    def rows(self, start: int) -> Iterator[tuple[int, Any]]:
        """Indices, twice: as row numbers and as rows."""
        return ((index, None) for index in range(start, len(self.dataset)))

    def read(self, number: int, row: None) -> list[dict[str, Any]]:
        """The one sample of an index."""
        return [self.dataset[number]]

    def name(self, number: int, row: None) -> str:
        """The name of a clip, for messages."""
        return f"clip {number}"
