# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The images that a codec learns, batch by batch."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from nuwa_hf.datasets.dataset_digest import dataset_digest
from nuwa_hf.datasets.find_columns import Columns
from nuwa_hf.training.run.preemption import leave_signals_to_main_process
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


def image_batches(
    images: Dataset, batch_sampler: Iterable[list[int]], num_workers: int
) -> Iterator[dict[str, Tensor]]:
    """Batches of images.

    Args:
        images (`Dataset`): a sample for every index.
        batch_sampler (`Iterable[list[int]]`): the indices of each batch.
        num_workers (`int`): processes that draw samples; 0 for this one.

    Yields:
        `dict[str, torch.Tensor]`: a batch.

    Raises:
        ValueError: If a sample cannot be drawn.
        OSError: If a file or a worker process is gone.
    """
    # A generator of its own: otherwise the loader draws from torch's, and a resumed run would differ.
    loader = DataLoader(
        _ErrorsAsSamples(images),
        batch_sampler=batch_sampler,
        collate_fn=_collate,
        num_workers=num_workers,
        generator=torch.Generator(),
        worker_init_fn=leave_signals_to_main_process,
    )
    try:
        for batch in loader:
            if isinstance(batch, Exception):
                raise batch
            yield batch
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise OSError(
            f"a process that draws samples has died, likely of memory ({error}); lower `dataloader_num_workers`"
        ) from error


class _ErrorsAsSamples(Dataset):
    """Gives an error in place of the sample that raised it: a loader would set its worker's traceback before it."""

    def __init__(self, images: Dataset):
        self.images = images

    def __getitem__(self, index: int) -> Any:
        try:
            return self.images[index]
        except (ValueError, OSError) as error:
            return error


def _collate(samples: list[Any]) -> Any:
    errors = [sample for sample in samples if isinstance(sample, Exception)]
    return errors[0] if errors else default_collate(samples)
