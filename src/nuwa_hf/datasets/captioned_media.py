# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Captioned images and clips of any data set as samples of one size and length.

Letters: T frames, Y, X pixel rows, columns.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any

import datasets
import numpy as np

from nuwa_hf.argument_types import check_types
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_sampling import check_frame_rate
from nuwa_hf.media.media import Media
from nuwa_hf.media.resizing import Box, fit_picture, resize_class_maps
from nuwa_hf.media.sources import is_still, open_media

from .class_map_files import read_class_maps
from .clip_names import clip_name, folder_of
from .clip_windows import ClipWindows
from .dataset_digest import dataset_digest
from .find_columns import SKETCH_COLUMN, CaptionSource, Columns, find_columns
from .media_endings import is_known_still
from .open_dataset import LOCAL_BUILDER
from .random_crops import RandomCrops
from .spread_rows import golden_place
from .stream_parts import PartCounts, rows_from
from .undecoded_rows import without_decoding


ROWS_LOOKED_AT = 4  # to tell a data set of still images from one of clips


@dataclass(frozen=True)
class ClipReader:
    """Reads rows as samples with the keys of `EmojiMotion` that tokens are made from.

    Args:
        columns (`Columns`): what is read.
        height (`int`): rows of the frames.
        width (`int`): columns of the frames.
        num_frames (`int`): frames of a sample, T.
        frame_rate (`float`): frames for each second.
        num_classes (`int`, *optional*): how many classes sketches may have.
        windows (`ClipWindows`): which parts of a clip become samples.
        crops (`RandomCrops`): which parts of their frames.
        folder (`str`, *optional*): what the files lie in, as `folder_of` gives it.
        first_rows (`np.ndarray` of shape `(rows,)`, *optional*): of each row the first one with the same image or
            clip, as `repeated_media` gives it.
    """

    columns: Columns
    height: int
    width: int
    num_frames: int
    frame_rate: float
    num_classes: int | None = None
    windows: ClipWindows = field(default_factory=ClipWindows)
    crops: RandomCrops = field(default_factory=RandomCrops)
    folder: str | None = None
    first_rows: np.ndarray | None = None

    @property
    def gives_several(self) -> bool:
        """Whether several samples may come from one image or clip."""
        return self.first_rows is not None or not (self.windows.is_first_only and self.crops.is_middle_only)

    @property
    def reads_captions(self) -> bool:
        """Whether there may be captions."""
        return self.columns.caption is not None

    def source_row(self, number: int) -> int:
        """The first row with the image or clip of a row.

        Args:
            number (`int`): of the row.

        Returns:
            `int`: its number.
        """
        return number if self.first_rows is None else int(self.first_rows[number])

    def read(self, number: int, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The samples of a row, one for each window of its clip and each crop of that; a window is decoded as it is
        asked for.

        The still frame of sample k of row n is the one at `golden_place(n, T)` + k modulo T: all of them are used,
        also of each class where classes stand by turns.

        Args:
            number (`int`): of the row in its data set.
            row (`dict[str, Any]`): as `CaptionedMedia.rows` gives it.

        Yields:
            `dict`: `number` (`int`, of the row), `name` (`str`), `caption` and `image_caption` (`str`, or None without
            a caption), `image_index` (`int`, in [0, T)), `video` (uint8 of shape `(T, Y, X, 3)`) and, where there is a
            column of sketches, `sketch` (`(T, Y, X)`).

        Raises:
            BrokenMediaError: If the clip or its sketch cannot be decoded or is too short.
            ValueError: If a sketch has a class that does not exist.
        """
        name, caption = self.name(number, row), self.columns.caption_of(row)
        sampling = {"frame_rate": self.frame_rate, "num_frames": self.num_frames}
        count, first_still = 0, golden_place(number, self.num_frames)
        with open_media(row[self.columns.media]) as media:
            seconds = Fraction(0) if self.windows.is_first_only else media.seconds()
            for window, start in enumerate(self.windows.start_times(seconds, number, **sampling)):
                for frames in self._crops(media, start, row, number, window):
                    yield {
                        "number": number,
                        "name": name,
                        "caption": caption,
                        "image_caption": caption,
                        "image_index": (first_still + count) % self.num_frames,
                        **frames,
                    }
                    count += 1

    def _crops(
        self, media: Media, start: Fraction, row: dict[str, Any], number: int, window: int
    ) -> Iterator[dict[str, np.ndarray]]:
        videos, numbers = [[] for _ in range(self.crops.crops_per_clip)], []
        for frame in media.window(start=start, frame_rate=self.frame_rate, num_frames=self.num_frames):
            picture = frame.picture()  # one at a time: they can be large
            height, width = picture.height, picture.width
            for video, box in zip(videos, self._boxes(number, window, height, width), strict=True):
                video.append(fit_picture(picture, self.height, self.width, box))
            numbers.append(frame.number)
        if self.columns.sketch is None:
            yield from ({"video": np.stack(video)} for video in videos)
            return
        maps = read_class_maps(row[self.columns.sketch], numbers, frame_rate=self.frame_rate, start=start)
        rows, columns = maps.shape[1:]
        if rows * width != columns * height:
            raise BrokenMediaError(
                f"has a sketch of {rows}x{columns} beside frames of {height}x{width}, another aspect"
            )
        self._check_classes(maps, self.name(number, row))
        for video, box in zip(videos, self._boxes(number, window, rows, columns), strict=True):
            yield {"video": np.stack(video), "sketch": resize_class_maps(maps, self.height, self.width, box)}

    def _boxes(self, number: int, window: int, rows: int, columns: int) -> list[Box]:
        return self.crops.boxes(number, window, rows, columns, self.height, self.width)

    def name(self, number: int, row: dict[str, Any]) -> str:
        """What to call a row in messages.

        Args:
            number (`int`): of the row.
            row (`dict[str, Any]`): the row.

        Returns:
            `str`: as `clip_name` gives it.
        """
        return clip_name(number, row[self.columns.media], self.folder)

    def _check_classes(self, maps: np.ndarray, name: str) -> None:
        low, high = int(maps.min()), int(maps.max())
        if low < 0 or (self.num_classes is not None and high >= self.num_classes):
            raise ValueError(
                f"`sketch_column` must have classes from 0 to {(self.num_classes or 256) - 1}, those of the sketch "
                f"codec, got {low if low < 0 else high} in {name}; map your classes to the codec's."
            )


class CaptionedMedia:
    """A data set of captioned images or clips.

    Args:
        dataset (`datasets.Dataset` or `datasets.IterableDataset`): one split, such as `open_dataset` gives.
        height (`int`): rows of the frames.
        width (`int`): columns of the frames.
        num_frames (`int`, defaults to 10): frames of a sample; 1 for still images.
        frame_rate (`float`, defaults to 2.5): frames for each second; both defaults are the paper's.
        media_column (`str`, *optional*): images or clips; by default found as in `find_columns`.
        caption_column (`str`, *optional*): captions; by default found likewise.
        sketch_column (`str`, *optional*): class maps; without it none are read.
        num_classes (`int`, *optional*): how many classes they may have.
        caption_source (`str`, defaults to `"auto"`): where captions come from, as in `find_columns`; `"none"` reads
            none.
        windows (`ClipWindows`, *optional*): which parts of a clip become samples; by default its start.
        crops (`RandomCrops`, *optional*): which parts of their frames; by default the middle.

    Attributes:
        num_rows (`int` or None): rows of the data set; None if it is streamed.
        is_of_stills (`bool`): whether it begins with still images.
        digest (`str` or None): of the rows and their files; None where it is not known.
        stream (`datasets.IterableDataset` or None): the data set if it is streamed.
        reader (`ClipReader`): makes samples from rows, in any process.

    Raises:
        TypeError: If it is no single split of a data set.
        ValueError: If it is empty, a column is missing, a number is out of range, or it has only still images where
            several frames are asked for; of a stream, its first rows.
    """

    def __init__(
        self,
        dataset: datasets.Dataset | datasets.IterableDataset,
        *,
        height: int,
        width: int,
        num_frames: int = 10,
        frame_rate: float = 2.5,
        media_column: str | None = None,
        caption_column: str | None = None,
        sketch_column: str | None = None,
        num_classes: int | None = None,
        caption_source: CaptionSource = "auto",
        windows: ClipWindows | None = None,
        crops: RandomCrops | None = None,
    ):
        if not isinstance(dataset, datasets.Dataset | datasets.IterableDataset):
            raise TypeError(
                "`dataset` must be a datasets.Dataset or datasets.IterableDataset, got "
                f"{type(dataset).__name__}; choose one of its splits."
            )
        sizes = {"num_frames": num_frames, "height": height, "width": width}
        columns = {"media_column": media_column, "caption_column": caption_column, "sketch_column": sketch_column}
        others = {"frame_rate": frame_rate, "num_classes": num_classes, "windows": windows, "crops": crops}
        hints = {**dict.fromkeys(sizes, int), **dict.fromkeys(columns, str | None), "num_classes": int | None}
        hints |= {"frame_rate": float, "windows": ClipWindows | None, "crops": RandomCrops | None}
        check_types({**sizes, **columns, **others}, hints, "leave it out for the default")
        for name, value in sizes.items() if num_classes is None else {**sizes, "num_classes": num_classes}.items():
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}; use 1 or more.")
        check_frame_rate(frame_rate)
        self.num_rows = len(dataset) if isinstance(dataset, datasets.Dataset) else None
        self._dataset = without_decoding(dataset)
        self.stream = self._dataset if self.num_rows is None else None
        self._counts: PartCounts | None = None
        first = list(islice(self.rows(0), ROWS_LOOKED_AT))
        if not first:
            raise ValueError("`dataset` must hold at least one image or clip, got no rows; choose another split.")
        features = self._dataset.features or dict.fromkeys(first[0][1])
        columns = find_columns(
            features, media=media_column, caption=caption_column, sketch=sketch_column, caption_source=caption_source
        )
        self.has_sketches = SKETCH_COLUMN in features and columns.media != SKETCH_COLUMN
        self.is_of_stills = all(is_still(row[columns.media]) for _, row in first)
        if num_frames > 1 and self.is_of_stills and not self._has_later_clips(columns.media):
            raise ValueError(
                "`num_frames` must be 1 for still images, which `dataset` begins with and no clip is known to follow, "
                f"got {num_frames}; use 1, or another `media_column`."
            )
        self.digest = dataset_digest(dataset, columns)
        self.reader = ClipReader(
            columns,
            height,
            width,
            num_frames,
            frame_rate,
            num_classes,
            windows or ClipWindows(),
            crops or RandomCrops(),
            folder_of(dataset),
        )

    def _has_later_clips(self, media: str) -> bool:
        """Whether a row after the first ones is no still image; of a stream that is not known before it is read."""
        if self.num_rows is None and self._dataset.info.builder_name != LOCAL_BUILDER:
            return False
        return not all(is_known_still(row[media]) for _, row in self.rows(ROWS_LOOKED_AT))

    def counted(self, counts: PartCounts) -> "CaptionedMedia":
        """The same stream, of which any row is found at once.

        Args:
            counts (`Sequence[Sequence[int]]`): the rows of its parts, as `count_part` gives them for each.

        Returns:
            `CaptionedMedia`.
        """
        found = copy(self)
        found._counts = counts
        return found

    def rows(self, start: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Rows with their numbers, their images and clips not decoded.

        Args:
            start (`int`): the first row.

        Yields:
            `tuple[int, dict[str, Any]]`: number and row.
        """
        if self._counts is not None:
            yield from enumerate(rows_from(self._dataset, self._counts, start), start)
        elif self.num_rows is None:
            yield from enumerate(self._dataset.skip(start), start)
        else:
            for number in range(start, self.num_rows):
                yield number, self._dataset[number]
