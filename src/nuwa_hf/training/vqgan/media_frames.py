# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Single frames of any folder or data set of images and clips, to train VQ-GANs on."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import datasets
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from nuwa_hf.datasets.clip_names import clip_name, folder_of
from nuwa_hf.datasets.find_columns import find_media_column
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.repeated_media import repeated_media
from nuwa_hf.datasets.undecoded_rows import without_decoding
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_index import FrameIndex
from nuwa_hf.media.resizing import fit_picture
from nuwa_hf.media.sources import open_media
from nuwa_hf.training.run.sample_order import shuffled
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


logger = logging.getLogger(__name__)

MOST_BROKEN = 100  # consecutive rows that may be broken
MOST_HELD_OUT = 16  # images and clips
# Of long videos a process remembers when their frames are shown, at 8 bytes a frame. Otherwise it would read the whole
# file for each sample.
LONG, MOST_REMEMBERED = 1000, 2**23  # frames of a video, and of all


class MediaFrames(Dataset):
    """One frame of an image or clip for every index, a pure function of the index and the seed.

    Each epoch has every row once, in its own order. A row that cannot be read is logged once, and the next one is
    used instead.

    Args:
        rows (`datasets.Dataset`): images or clips, not streamed.
        numbers (`Sequence[int]`): the rows that are used.
        image_size (`int`): rows and columns of a frame, cut from the middle.
        seed (`int`): of the order and of the choice of frames.
        media_column (`str`, *optional*): images or clips; by default found as in `find_media_column`.

    Raises:
        ValueError: If there is no such column of images or clips.
    """

    def __init__(
        self,
        rows: datasets.Dataset,
        numbers: Sequence[int],
        image_size: int,
        seed: int,
        media_column: str | None = None,
    ):
        self.numbers = numbers
        self.rows = without_decoding(rows)
        self.media_column = find_media_column(rows.features, media_column)
        self.image_size = image_size
        self.seed = seed
        self._warned: set[int] = set()
        self._indices: OrderedDict[int, FrameIndex] = OrderedDict()

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """A frame.

        Args:
            index (`int`): of the sample, from 0 on, without a limit.

        Returns:
            `dict`: `pixels`, float32 of shape `(3, Y, X)` in [-1, 1]; `object_mask`, bool of shape `(Y, X)`, True
                everywhere, since it is not known where the objects are.

        Raises:
            ValueError: If too many consecutive rows cannot be read.
        """
        first = shuffled(index, len(self.numbers), self.seed)
        for skipped in range(min(MOST_BROKEN, len(self.numbers))):
            number = self.numbers[(first + skipped) % len(self.numbers)]
            try:
                pixels = self._pixels(number, index)
            except BrokenMediaError as error:
                if number not in self._warned:  # once, and not in every epoch
                    self._warned.add(number)
                    message = "Row %d of `dataset`, %s, %s; the next one takes its place."
                    logger.warning(message, number, self.name(number), error)
                continue
            return {"pixels": pixels, "object_mask": torch.ones(pixels.shape[1:], dtype=torch.bool)}
        raise ValueError(
            f"`dataset` must hold images or clips that can be read, got none from row {self.numbers[first]} on, "
            f"{self.name(self.numbers[first])}; the warnings say what is wrong with each."
        )

    def name(self, number: int) -> str:
        """What to call the image or clip of a row.

        Args:
            number (`int`): of the row.

        Returns:
            `str`: as `clip_name` gives it.
        """
        return clip_name(number, self.rows[number][self.media_column], folder_of(self.rows))

    def _pixels(self, number: int, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        with open_media(self.rows[number][self.media_column], self._indices.get(number)) as media:
            self._remember(number, media.frame_index)
            number_of_frame = int(torch.randint(media.count_frames(), (), generator=generator))
            frame = media.frame(number_of_frame)
            picture = fit_picture(frame.picture(), self.image_size, self.image_size)
        return torch.from_numpy(picture).permute(2, 0, 1).float() / 127.5 - 1

    def _remember(self, number: int, index: FrameIndex | None) -> None:
        if index is None or len(index) < LONG:
            return
        self._indices[number] = index
        self._indices.move_to_end(number)
        while sum(map(len, self._indices.values())) > MOST_REMEMBERED:
            self._indices.popitem(last=False)


def media_frames(arguments: VQGANArguments) -> tuple[MediaFrames, MediaFrames]:
    """The frames that are learnt and those that are held out, of the data set that the arguments name.

    Held out is `held_out_split` or, without it, a tenth of the images and clips of `dataset_split`, at most 16, with
    all rows of each.

    Args:
        arguments (`VQGANArguments`): the data set, its column, the size and the seed.

    Returns:
        `tuple[MediaFrames, MediaFrames]`: of different rows.

    Raises:
        ValueError: If there is no such data set or split, or it holds too few images or clips.
    """
    rows = _open_rows(arguments, arguments.dataset_split)
    options = {"image_size": arguments.image_size, "seed": arguments.seed, "media_column": arguments.media_column}
    frames = partial(MediaFrames, **options)
    if arguments.held_out_split is not None:
        all_rows = (rows, _open_rows(arguments, arguments.held_out_split))
        return tuple(frames(some, range(len(some))) for some in all_rows)
    numbers = np.arange(len(rows))
    repeated = repeated_media(rows, find_media_column(rows.features, arguments.media_column))
    first_rows = numbers if repeated is None else repeated
    different = numbers[first_rows == numbers].tolist()
    chosen = _held_out_numbers(different, arguments.seed)
    learnt = frames(rows, numbers[~np.isin(first_rows, chosen)].tolist())
    held_out = frames(rows, chosen)
    logger.info(
        "%d of the %d images and clips are held out, to judge the codec by: %s.",
        *(len(chosen), len(different), ", ".join(map(held_out.name, chosen))),
    )
    return learnt, held_out


def _open_rows(arguments: VQGANArguments, split: str) -> datasets.Dataset:
    rows = open_dataset(arguments.dataset, split=split)
    if len(rows) == 0:
        raise ValueError(f"`dataset` must hold at least one image or clip, got no rows in {split!r}; add some.")
    return rows


def _held_out_numbers(numbers: Sequence[int], seed: int) -> list[int]:
    """Those of the rows that are held out, a pure function of the seed."""
    total = len(numbers)
    if total < 2:
        raise ValueError(
            f"`dataset` must hold at least 2 images or clips, since one is held out, got {total}; add some, or "
            "name a `held_out_split`."
        )
    count = min(MOST_HELD_OUT, max(1, total // 10))
    return sorted(numbers[shuffled(index, total, seed)] for index in range(count))
