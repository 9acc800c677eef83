# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a user names as a data set, opened as rows that any process can read at any place."""

import os
from dataclasses import dataclass
from typing import Any

import datasets

from nuwa_hf.datasets import EmojiMotion, MovingMNIST
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.find_columns import SUB_FOLDER_COLUMN, usable_caption_source
from nuwa_hf.datasets.indexed_clips import IndexedClips
from nuwa_hf.datasets.moving_mnist import DIGIT_COUNTS, open_moving_mnist
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.row_source import RowSource
from nuwa_hf.training.run.run_arguments import require


EMOJI_MOTION = "emoji-motion"
DEFAULT_SETTING = "small-128"
OPEN_DATA = EmojiMotion | MovingMNIST | datasets.Dataset


@dataclass(frozen=True)
class LabelReader:
    """Gives the class of a row by name, with spaces for underscores; None for a row without one.

    Args:
        dataset (`datasets.Dataset`, *optional*): the rows; None where there are no classes.
        column (`str`, *optional*): that of the classes.
    """

    dataset: datasets.Dataset | None = None
    column: str | None = None

    def __call__(self, row: Any) -> str | None:
        """The class of a row.

        Args:
            row: of the data set.

        Returns:
            `str`: None if it has none.
        """
        value = None if self.column is None else row[self.column]
        feature = None if value is None else self.dataset.features[self.column]
        if not isinstance(feature, datasets.ClassLabel):
            return None if value is None else str(value)
        return feature.names[value].replace("_", " ") if 0 <= value < len(feature.names) else None  # as of sub-folders

    def count(self) -> int | None:
        """How many classes all rows have; None where it is not known without reading them."""
        feature = None if self.column is None else self.dataset.features[self.column]
        if not isinstance(feature, datasets.ClassLabel | datasets.Value):
            return None
        values = self.dataset.select_columns(self.column).with_format("arrow")[:][self.column]
        return len({self({self.column: value}) for value in values.unique().to_pylist()} - {None})


@dataclass(frozen=True)
class ClipSize:
    """How samples are read.

    Args:
        num_frames (`int`): frames of a clip.
        frame_rate (`float`): frames for each second.
        height (`int`): rows of the frames.
        width (`int`): columns of the frames.
        still (`bool`): whether a sample is one frame of its clip.
    """

    num_frames: int
    frame_rate: float
    height: int
    width: int
    still: bool


def open_source(
    dataset: Any, size: ClipSize, *, split: str | None, setting: str, label_column: str | None, **columns: Any
) -> tuple[RowSource, ClipSize, LabelReader]:
    """Open a data set.

    Args:
        dataset (`str`, `os.PathLike`, `datasets.Dataset`, `EmojiMotion` or `MovingMNIST`): as for `RealSamples.open`.
        size (`ClipSize`): of the samples.
        split (`str`, *optional*): which split; by default "val" of EmojiMotion and Moving MNIST, else "train". A data
            set that is open has its own.
        setting (`str`): of `"emoji-motion"`.
        label_column (`str`, *optional*): the class of each sample.
        columns: further arguments of `CaptionedMedia`.

    Returns:
        `tuple[RowSource, ClipSize, LabelReader]`: the rows, the size at which they are read, and what gives the class
        of a row.

    Raises:
        TypeError: If it is no data set.
        ValueError: If it cannot be opened, or does not fit the size, the split, the setting or the columns.
    """
    _check_fixed(dataset, split, setting)
    drawn = drawn_clips(dataset, split=split, setting=setting)
    if drawn is not None:
        _check_drawn_size(drawn, size)
        rule = f"left out of {type(drawn.dataset).__name__}, which has no columns to choose"
        for name, value in {"label_column": label_column, **columns}.items():
            require(value is None or not name.endswith("_column"), name, rule, value, "drop it")
        return drawn, size, LabelReader()
    if isinstance(dataset, str | os.PathLike):
        dataset = open_dataset(dataset, split=split or "train")
    if not isinstance(dataset, datasets.Dataset):
        raise TypeError(
            f"`dataset` must be a path, an id of the Hub, {EMOJI_MOTION!r} or one split of a datasets.Dataset, got "
            f"{type(dataset).__name__}; choose a split, and open it without streaming, since samples are read again."
        )
    if columns["caption_source"] is None:
        columns["caption_source"] = "auto" if columns["caption_column"] else usable_caption_source(dataset.features)
    columns |= {"height": size.height, "width": size.width, "frame_rate": size.frame_rate}
    media = CaptionedMedia(dataset, num_frames=1 if size.still else size.num_frames, **columns)
    if size.still and not media.is_of_stills:
        media = CaptionedMedia(dataset, num_frames=size.num_frames, **columns)
    return media, size, label_reader(dataset, media.reader.columns.caption, label_column)


def drawn_clips(dataset: Any, *, split: str | None, setting: str) -> IndexedClips | None:
    """The clips of a data set that is made from indices.

    Args:
        dataset: as for `open_source`.
        split (`str`, *optional*): "val" if left out.
        setting (`str`): of EmojiMotion.

    Returns:
        `IndexedClips`; None for other data sets.

    Raises:
        ValueError: If there is no such split, or the package of Moving MNIST's digits is not installed.
    """
    if isinstance(dataset, str) and dataset == EMOJI_MOTION:
        dataset = EmojiMotion(setting=setting, split=split or "val")
    elif isinstance(dataset, str) and dataset in DIGIT_COUNTS:
        dataset = open_moving_mnist(dataset, split=split or "val")
    return IndexedClips(dataset) if isinstance(dataset, EmojiMotion | MovingMNIST) else None


def own_split(dataset: Any) -> str | None:
    """The split of a data set that is open.

    Args:
        dataset: as for `open_source`.

    Returns:
        `str`: None if it does not know its split, or is not open.
    """
    is_known = isinstance(dataset, OPEN_DATA) and dataset.split is not None
    return str(dataset.split) if is_known else None


def _check_fixed(dataset: Any, split: str | None, setting: str) -> None:
    """An open data set has its own split; and only EmojiMotion by its name has a setting to choose."""
    own = own_split(dataset)
    rule = "left out of a data set that is open" + ("" if own is None else f", or be its {own!r}")
    fits = not isinstance(dataset, OPEN_DATA) or split in (None, own)
    require(fits, "split", rule, split, "drop it, or open that split")
    fits = setting == DEFAULT_SETTING or (isinstance(dataset, str) and dataset == EMOJI_MOTION)
    require(fits, "setting", f"left out where the data set is not {EMOJI_MOTION!r}", setting, "drop it")


def _check_drawn_size(drawn: IndexedClips, size: ClipSize) -> None:
    for name, value in drawn.clip_size.items():
        found, rule = getattr(size, name), f"{value:g}, at which {type(drawn.dataset).__name__} is drawn"
        require(found == value, name, rule, found, "use it, or another setting")


def label_reader(dataset: datasets.Dataset, caption: str | None, label: str | None) -> LabelReader:
    """What gives the class of a row.

    Args:
        dataset (`datasets.Dataset`): the rows.
        caption (`str`, *optional*): the column of captions, which may be classes.
        label (`str`, *optional*): the column of classes; by default that of sub-folders, else a `ClassLabel`.

    Returns:
        `LabelReader`.

    Raises:
        ValueError: If there is no such column.
    """
    features = dataset.features
    if label is None:
        classes = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
        wanted = (SUB_FOLDER_COLUMN, *(name for name in (caption, *classes) if name in classes))
        label = next((name for name in wanted if name in features), None)
    if label is not None and label not in features:
        raise ValueError(
            f"`label_column` must be one of the columns {list(features)}, got {label!r}; choose one of these."
        )
    return LabelReader(dataset, label)
