# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Clips that are made from their index, as a data set whose rows are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .emoji_motion import FRAME_RATE, EmojiMotion
from .moving_mnist import MovingMNIST


@dataclass(frozen=True)
class IndexedClips:
    """A data set of clips that are made from their index, with the interface of one that is read.

    Args:
        dataset (`EmojiMotion` or `MovingMNIST`): the clips.
    """

    dataset: EmojiMotion | MovingMNIST
    gives_several = False
    reads_captions = True

    @property
    def num_rows(self) -> int:
        """The number of clips."""
        return len(self.dataset)

    @property
    def reader(self) -> "IndexedClips":
        """The object that makes the samples: this one."""
        return self

    @property
    def clip_size(self) -> dict[str, float]:
        """How clips are drawn: `height`, `width`, `num_frames` and `frame_rate`."""
        drawn, frame_rate = self.dataset, FRAME_RATE
        if isinstance(drawn, MovingMNIST):
            frame_rate = drawn.frame_rate
        else:
            drawn = drawn.setting
        size = {"height": drawn.size, "width": drawn.size, "num_frames": drawn.num_frames}
        return {**size, "frame_rate": frame_rate}

    def rows(self, start: int) -> Iterator[tuple[int, Any]]:
        """Indices, twice: as row numbers and as rows."""
        return ((index, None) for index in range(start, len(self.dataset)))

    def read(self, number: int, row: None) -> list[dict[str, Any]]:
        """The one sample of an index, with that as its `number`."""
        return [{"number": number, **self.dataset[number]}]

    def name(self, number: int, row: None) -> str:
        """The name of a clip, for messages."""
        return f"clip {number}"

    def source_row(self, number: int) -> int:
        """The first index with the same clip: itself."""
        return number
