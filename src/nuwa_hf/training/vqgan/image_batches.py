# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The images that a codec learns, batch by batch."""

from collections.abc import Iterable, Iterator
from functools import partial

from torch import Tensor
from torch.utils.data import Dataset, default_collate

from nuwa_hf.datasets.dataset_digest import dataset_digest
from nuwa_hf.datasets.find_columns import Columns
from nuwa_hf.datasets.still_rows import is_of_stills
from nuwa_hf.training.run.drawn_batches import drawn_batches
from nuwa_hf.training.run.saved_data import RunData
from nuwa_hf.training.vqgan.emoji_motion_frames import emoji_clips, moving_mnist_clips
from nuwa_hf.training.vqgan.media_frames import MediaFrames, media_frames
from nuwa_hf.training.vqgan.reconstruction_targets import VQGANTarget
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


def open_images(arguments: VQGANArguments, target: VQGANTarget) -> tuple[Dataset, Dataset]:
    """The training images and the held-out images; each is a pure function of an unlimited index.

    Args:
        arguments (`VQGANArguments`): name the data.
        target (`VQGANTarget`): what is learnt of clips that are drawn.

    Returns:
        `tuple[Dataset, Dataset]`: no image of one is of a clip of the other.

    Raises:
        ValueError: If there is no such data set, or too little in it.
    """
    if arguments.dataset is None or arguments.is_moving_mnist:
        open_clips = emoji_clips if arguments.dataset is None else moving_mnist_clips
        return tuple(target.dataset(open_clips(arguments, split)) for split in ("train", "val"))
    return media_frames(arguments)


def data_of_images(images: Dataset) -> RunData:
    """What tells the rows of a data set from others. With other rows, others would be held out.

    Args:
        images (`Dataset`): the training images, from `open_images`.

    Returns:
        `dict[str, str | None]`: empty for images that are drawn, which the arguments name.
    """
    if not isinstance(images, MediaFrames):
        return {}
    return {"digest of the rows of `dataset`": dataset_digest(images.rows, Columns(images.media_column, caption=None))}


def are_of_stills(images: Dataset) -> bool:
    """Whether images are still ones, and no frames of clips.

    Args:
        images (`Dataset`): the training images, from `open_images`.

    Returns:
        `bool`: False for images that are drawn.
    """
    return isinstance(images, MediaFrames) and is_of_stills(images.rows, images.media_column)


def image_batches(
    images: Dataset, batch_sampler: Iterable[list[int]], num_workers: int
) -> Iterator[dict[str, Tensor]]:
    """Batches of images.

    Args:
        images (`Dataset`): a sample for every index.
        batch_sampler (`Iterable[list[int]]`): the indices of each batch.
        num_workers (`int`): processes that draw samples; 0 for this one.

    Returns:
        `Iterator[dict[str, torch.Tensor]]`: the batches.

    Raises:
        ValueError: If a sample cannot be drawn.
        OSError: If a file or a worker process is gone.
    """
    return drawn_batches(partial(_batch_of, images), batch_sampler, num_workers)


def _batch_of(images: Dataset, indices: list[int]) -> dict[str, Tensor]:
    return default_collate([images[index] for index in indices])
