# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Single frames of any folder or data set of images and clips, to train VQ-GANs on."""

import logging
from collections.abc import Sequence

import datasets
import torch
from torch import Tensor
from torch.utils.data import Dataset

from nuwa_hf.datasets.open_dataset import MEDIA_COLUMNS, open_dataset, without_decoding
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.resizing import fit_picture
from nuwa_hf.media.sources import open_media
from nuwa_hf.training.run.sample_order import shuffled
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


logger = logging.getLogger(__name__)

MOST_BROKEN = 100  # consecutive rows that may be broken
MOST_HELD_OUT = 16  # rows


class MediaFrames(Dataset):
    """One frame of an image or clip for every index, a pure function of the index and the seed.

    Each epoch has every row once, in its own order. A row that cannot be read is logged, and the next one is used
    instead.

    Args:
        rows (`datasets.Dataset`): images or clips, not streamed.
        numbers (`Sequence[int]`): the rows that are used.
        image_size (`int`): rows and columns of a frame, cut from the middle.
        seed (`int`): of the order and of the choice of frames.

    Raises:
        ValueError: If there are no rows, or no column of images or clips.
    """

    def __init__(self, rows: datasets.Dataset, numbers: Sequence[int], image_size: int, seed: int):
        self.numbers = numbers
        self.rows = without_decoding(rows)
        self.media_column = _media_column(rows)
        self.image_size = image_size
        self.seed = seed

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
                logger.warning("Row %d of `dataset` %s; the next one takes its place.", number, error)
                continue
            return {"pixels": pixels, "object_mask": torch.ones(pixels.shape[1:], dtype=torch.bool)}
        raise ValueError(
            f"`dataset` must hold images or clips that can be read, got none from row {self.numbers[first]} on; the "
            "warnings say what is wrong with each."
        )

    def _pixels(self, number: int, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        with open_media(self.rows[number][self.media_column]) as media:
            number_of_frame = int(torch.randint(media.count_frames(), (), generator=generator))
            frame = media.frame(number_of_frame)
            picture = fit_picture(frame.picture(), self.image_size, self.image_size)
        return torch.from_numpy(picture).permute(2, 0, 1).float() / 127.5 - 1


def media_frames(arguments: VQGANArguments) -> MediaFrames:
    """The frames that are learnt, of the data set that the arguments name.

    Args:
        arguments (`VQGANArguments`): the data set, the size and the seed.

    Returns:
        `MediaFrames`.

    Raises:
        ValueError: If there is no such data set or split, or it holds too few images or clips.
    """
    rows = _open_rows(arguments, arguments.dataset_split)
    learnt = range(len(rows))
    if arguments.held_out_split is None:
        held_out = set(_held_out_numbers(arguments, len(rows)))
        learnt = [number for number in learnt if number not in held_out]
    return MediaFrames(rows, learnt, arguments.image_size, arguments.seed)


def held_out_frames(arguments: VQGANArguments) -> MediaFrames:
    """The frames that are not learnt: of `held_out_split` or, if it is not given, of a few rows of `dataset_split`.

    Args:
        arguments (`VQGANArguments`): the data set, the size and the seed.

    Returns:
        `MediaFrames`: of other rows than `media_frames`.

    Raises:
        ValueError: If there is no such data set or split, or it holds too few images or clips.
    """
    if arguments.held_out_split is not None:
        rows = _open_rows(arguments, arguments.held_out_split)
        return MediaFrames(rows, range(len(rows)), arguments.image_size, arguments.seed)
    rows = _open_rows(arguments, arguments.dataset_split)
    numbers = _held_out_numbers(arguments, len(rows))
    logger.info(
        "%d of the %d images and clips are held out, to judge the codec by: rows %s.",
        *(len(numbers), len(rows), ", ".join(map(str, numbers))),
    )
    return MediaFrames(rows, numbers, arguments.image_size, arguments.seed)


def _open_rows(arguments: VQGANArguments, split: str) -> datasets.Dataset:
    rows = open_dataset(arguments.dataset, split=split)
    if len(rows) == 0:
        raise ValueError(f"`dataset` must hold at least one image or clip, got no rows in {split!r}; add some.")
    return rows


def _held_out_numbers(arguments: VQGANArguments, num_rows: int) -> list[int]:
    """The rows that are held out: a tenth, at least 1 and at most 16; a pure function of the seed."""
    if num_rows < 2:
        raise ValueError(
            f"`dataset` must hold at least 2 images or clips, since one is held out, got {num_rows}; add some, or "
            "name a `held_out_split`."
        )
    count = min(MOST_HELD_OUT, max(1, num_rows // 10))
    return sorted(shuffled(index, num_rows, arguments.seed) for index in range(count))


def _media_column(rows: datasets.Dataset) -> str:
    kinds = datasets.Image | datasets.Video
    found = [name for name, feature in rows.features.items() if isinstance(feature, kinds) and name != "sketch"]
    found = found or [name for name in MEDIA_COLUMNS if name in rows.features]
    if len(found) != 1:
        raise ValueError(f"`dataset` must have one column of images or clips, got {found} of {list(rows.features)}.")
    return found[0]
