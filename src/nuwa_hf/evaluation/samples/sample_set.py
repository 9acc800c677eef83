# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What metrics are given: samples, batch by batch, as often as they are asked for.

Letters: B samples, T frames (1 for images), Y, X pixel rows and columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor


@dataclass(frozen=True)
class SampleBatch:
    """Some samples, and what is known of each. What a set does not have is None.

    Args:
        clips (`torch.ByteTensor` of shape `(B, T, 3, Y, X)`): pixels in 0..255.
        captions (`Sequence[str]`, *optional*): what each should show.
        references (`torch.ByteTensor` of shape `(B, T, 3, Y, X)`, *optional*): the real sample that each stands for.
        sketches (`torch.LongTensor` of shape `(B, T, Y, X)`, *optional*): the class maps that they were drawn from.
        hidden (`torch.BoolTensor` of shape `(B, T, Y, X)`, *optional*): True at the pixels that a task had to fill.
        labels (`Sequence[str]`, *optional*): the class of each by name, for classifiers.
        rows (`Sequence[Mapping[str, Any]]`, *optional*): the samples of EmojiMotion, with their exact truth.
    """

    clips: Tensor
    captions: Sequence[str] | None = None
    references: Tensor | None = None
    sketches: Tensor | None = None
    hidden: Tensor | None = None
    labels: Sequence[str] | None = None
    rows: Sequence[Mapping[str, Any]] | None = None


class SampleSet(Protocol):
    """An ordered set of samples.

    Attributes:
        name (`str`): what it is called in a report, such as `"generated"`.
        digest (`str`): of all that it holds; features that were read once are found again by it.
        has (`frozenset[str]`): the optional fields of `SampleBatch` that its batches have.
        num_frames (`int`): T.
        height (`int`): Y.
        width (`int`): X.
    """

    name: str
    digest: str
    has: frozenset[str]
    num_frames: int
    height: int
    width: int

    def __len__(self) -> int:
        """The number of samples."""

    def batches(self, batch_size: int) -> Iterator[SampleBatch]:
        """All samples in order, in batches.

        Args:
            batch_size (`int`): samples in a batch; the last one may hold fewer.

        Yields:
            `SampleBatch`.
        """


class SizedLikeReal:
    """The length and the size of a set that has a sample for each of `real`, the real samples."""

    real: SampleSet

    def __len__(self) -> int:
        return len(self.real)

    @property
    def num_frames(self) -> int:
        """T."""
        return self.real.num_frames

    @property
    def height(self) -> int:
        """Y."""
        return self.real.height

    @property
    def width(self) -> int:
        """X."""
        return self.real.width
