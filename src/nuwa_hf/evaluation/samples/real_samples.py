# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The real samples that tasks start from and metrics compare with: some of any data set, read when asked for.

Letters: B samples, T frames, Y, X pixel rows and columns.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch

from nuwa_hf.datasets.emoji_motion import EmojiMotion
from nuwa_hf.datasets.find_columns import CaptionSource
from nuwa_hf.datasets.indexed_clips import IndexedClips
from nuwa_hf.datasets.left_out import LeftOut, left_out_summary
from nuwa_hf.datasets.moving_mnist import MovingMNIST
from nuwa_hf.datasets.repeated_media import first_places, media_key
from nuwa_hf.datasets.row_source import RowSource
from nuwa_hf.evaluation.samples.open_source import ClipSize, LabelReader, open_source
from nuwa_hf.evaluation.samples.row_samples import content_digest, read_sample, usable
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.media.errors import naming
from nuwa_hf.training.run.run_arguments import require


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RealSamples:
    """The first usable samples of a data set. Only their captions and labels are held; pixels are read again.

    Args:
        source (`RowSource`): the data set.
        numbers (`tuple[int, ...]`): the rows that are used.
        captions (`tuple[str | None, ...]`): of each.
        labels (`tuple[str | None, ...]`): the class of each.
        digests (`tuple[bytes, ...]`): of the content of each.
        keys (`tuple[str | bytes | None, ...]`): equal for samples of the same image or clip, as `media_key` gives it;
            None for one that is drawn.
        size (`ClipSize`): of the samples.
        has_sketches (`bool`): whether each has class maps.
        left_out (`tuple[LeftOut, ...]`): rows that cannot be used, each with the reason.
        num_labels (`int`, *optional*): how many classes all rows of the data set have; None if that is not known.
    """

    source: RowSource
    numbers: tuple[int, ...]
    captions: tuple[str | None, ...]
    labels: tuple[str | None, ...]
    digests: tuple[bytes, ...]
    keys: tuple[str | bytes | None, ...]
    size: ClipSize
    has_sketches: bool
    left_out: tuple[LeftOut, ...] = ()
    num_labels: int | None = None
    name: ClassVar[str] = "real"

    @classmethod
    def open(
        cls,
        dataset: Any,
        *,
        height: int,
        width: int,
        num_frames: int,
        frame_rate: float,
        num_samples: int | None = None,
        still: bool = False,
        split: str | None = None,
        setting: str = "small-128",
        media_column: str | None = None,
        caption_column: str | None = None,
        caption_source: CaptionSource | None = None,
        sketch_column: str | None = None,
        num_classes: int | None = None,
        label_column: str | None = None,
    ) -> "RealSamples":
        """Choose samples: each is read once, so that the broken ones are known before any work.

        Args:
            dataset (`str`, `os.PathLike`, `datasets.Dataset`, `EmojiMotion` or `MovingMNIST`): what `open_dataset`
                takes, one split that is open, or EmojiMotion or Moving MNIST, themselves or as `"emoji-motion"` and
                `"moving-mnist"`.
            height (`int`): rows of the frames.
            width (`int`): columns of the frames.
            num_frames (`int`): frames of a clip.
            frame_rate (`float`): frames for each second.
            num_samples (`int`, *optional*): how many; by default all.
            still (`bool`, defaults to `False`): whether a sample is one picture: an image, or a frame of a clip, by
                turns each of its `num_frames`.
            split (`str`, *optional*): which split; by default "val" of EmojiMotion and Moving MNIST, else "train". A
                data set that is open has its own.
            setting (`str`, defaults to `"small-128"`): of `"emoji-motion"`.
            media_column (`str`, *optional*): images or clips; by default found as in `find_columns`.
            caption_column (`str`, *optional*): captions; by default found likewise.
            caption_source (`str`, *optional*): where captions come from, as in `find_columns`; by default from a
                column of that name, else from sub-folders, else there are none.
            sketch_column (`str`, *optional*): class maps; without it none are read. Drawn clips always have
                them.
            num_classes (`int`, *optional*): how many classes they may have.
            label_column (`str`, *optional*): the class of each sample; by default the name of its sub-folder, or a
                column with the feature `ClassLabel`.

        Returns:
            `RealSamples`: those that cannot be read are left out, with a warning that counts and names them.

        Raises:
            TypeError: If `dataset` is none.
            ValueError: If it cannot be opened, has too few usable samples, or an argument does not fit it.
        """
        require(
            num_samples is None or num_samples >= 1, "num_samples", "at least 1", num_samples, "use for example 1000"
        )
        source, size, label_of = open_source(
            dataset,
            ClipSize(num_frames, frame_rate, height, width, still),
            split=split,
            setting=setting,
            label_column=label_column,
            media_column=media_column,
            caption_column=caption_column,
            caption_source=caption_source,
            sketch_column=sketch_column,
            num_classes=num_classes,
        )
        return cls._choose(source, size, label_of, num_samples)

    @classmethod
    def _choose(cls, source: RowSource, size: ClipSize, label_of: LabelReader, num_samples: int | None):
        left_out: list[LeftOut] = []
        numbers, captions, labels, digests, keys, has_sketches = [], [], [], [], [], False
        found = usable(
            source.rows(0),
            lambda number, row: read_sample(source, number, row, size),
            source.reader.name,
            left_out,
            num_samples,
        )
        for number, row, sample in found:
            numbers.append(number)
            captions.append(sample["caption"])
            labels.append(label_of(row))
            digests.append(content_digest(sample, labels[-1]))
            is_drawn = isinstance(source, IndexedClips)
            keys.append(None if is_drawn else media_key(row[source.reader.columns.media]))
            has_sketches = "sketch" in sample
        if left_out:
            logger.warning("Left out of the samples (%d): %s.", len(left_out), left_out_summary(left_out))
        if len(numbers) < (num_samples or 1):
            lost = f" ({len(left_out)} are left out: {left_out_summary(left_out)})" if left_out else ""
            raise ValueError(
                f"`num_samples` must be at most {len(numbers)}, the usable samples of the data set{lost}, got "
                f"{num_samples}; ask for fewer, or add some."
            )
        lists = (numbers, captions, labels, digests, keys)
        return cls(source, *map(tuple, lists), size, has_sketches, tuple(left_out), label_of.count())

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def num_frames(self) -> int:
        """T; 1 for stills."""
        return 1 if self.size.still else self.size.num_frames

    @property
    def height(self) -> int:
        """Y."""
        return self.size.height

    @property
    def width(self) -> int:
        """X."""
        return self.size.width

    @property
    def drawn(self) -> EmojiMotion | MovingMNIST | None:
        """The data set, where it is one of clips that are drawn."""
        return self.source.dataset if isinstance(self.source, IndexedClips) else None

    @property
    def has(self) -> frozenset[str]:
        """The optional fields that every sample has."""
        fields = {
            "captions": None not in self.captions,
            "labels": None not in self.labels,
            "sketches": self.has_sketches,
            "rows": isinstance(self.drawn, EmojiMotion),
        }
        return frozenset(name for name, is_there in fields.items() if is_there)

    @property
    def clips(self) -> tuple[int, ...]:
        """For each sample the place of the first one with the same image or clip."""
        return first_places(self.keys)

    @property
    def digest(self) -> str:
        """Of the content of all samples."""
        return self.digest_of(len(self))

    def digest_of(self, count: int) -> str:
        """A digest of the content of the first samples, the same however many more there are.

        Args:
            count (`int`): how many.

        Returns:
            `str`: hexadecimal.
        """
        return hashlib.sha256(b"".join(self.digests[:count])).hexdigest()

    def require(self, field: str, why: str) -> None:
        """Require a field of every sample.

        Args:
            field (`str`): of `SampleBatch`.
            why (`str`): what needs it.

        Raises:
            ValueError: If a sample lacks it.
        """
        if field in self.has:
            return
        lack = "no samples with them"
        if field in ("captions", "labels"):
            values = getattr(self, field)
            missing = [number for number, value in zip(self.numbers, values, strict=True) if value is None]
            if len(missing) < len(self):
                lack = f"{len(missing)} of {len(self)} samples without, the first in row {missing[0]}"
        raise ValueError(
            f"`dataset` must have {field}, which {why} needs, got {lack}; name their column, or leave that out."
        )

    def take(self, places: Sequence[int]) -> "RealSamples":
        """Some of the samples.

        Args:
            places (`Sequence[int]`): which, in order.

        Returns:
            `RealSamples`.
        """
        lists = ("numbers", "captions", "labels", "digests", "keys")
        return replace(self, **{name: tuple(getattr(self, name)[place] for place in places) for name in lists})

    def read(self, places: Sequence[int]) -> SampleBatch:
        """Samples from any places.

        Args:
            places (`Sequence[int]`): which.

        Returns:
            `SampleBatch`: of as many samples, with the fields of `has`.

        Raises:
            ValueError: If a file has been damaged or removed since.
        """
        samples = []
        for number in (self.numbers[place] for place in places):
            _, row = next(self.source.rows(number))
            with naming("dataset", self.source.reader.name(number, row)):
                samples.append(read_sample(self.source, number, row, self.size))
        clips = torch.from_numpy(np.stack([sample["video"] for sample in samples])).permute(0, 1, 4, 2, 3)
        fields = {
            "captions": lambda: [self.captions[place] for place in places],
            "labels": lambda: [self.labels[place] for place in places],
            "sketches": lambda: torch.from_numpy(np.stack([sample["sketch"] for sample in samples])).long(),
            "rows": lambda: [sample["row"] for sample in samples],
        }
        return SampleBatch(clips.contiguous(), **{name: fields[name]() for name in self.has})

    def batches(self, batch_size: int) -> Iterator[SampleBatch]:
        """All samples in order, in batches; only one batch is in memory.

        Args:
            batch_size (`int`): samples in a batch; the last one may hold fewer.

        Yields:
            `SampleBatch`.
        """
        for start in range(0, len(self), batch_size):
            yield self.read(range(start, min(start + batch_size, len(self))))
