# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Rows of a data set as samples: those that can be read, and the others by name."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from tqdm.auto import tqdm

from nuwa_hf.datasets.indexed_clips import IndexedClips
from nuwa_hf.datasets.left_out import LeftOut
from nuwa_hf.datasets.row_source import RowSource
from nuwa_hf.evaluation.samples.open_source import ClipSize
from nuwa_hf.media.errors import BrokenMediaError


Sample = TypeVar("Sample")


def usable(
    rows: Iterable[tuple[int, Any]],
    read: Callable[[int, Any], Sample | None],
    name: Callable[[int, Any], str],
    left_out: list[LeftOut],
    limit: int | None,
) -> Iterator[tuple[int, Any, Sample]]:
    """Read rows one after another until there are enough samples, with a progress bar.

    Args:
        rows (`Iterable[tuple[int, Any]]`): numbers and rows.
        read (`Callable`): makes a sample of a number and a row, None if it is not wanted; BrokenMediaError if it
            cannot be used.
        name (`Callable`): what to call a row in messages.
        left_out (`list[LeftOut]`): gets those that cannot be used.
        limit (`int`, *optional*): how many samples are wanted; by default all.

    Yields:
        `tuple`: number, row and sample.
    """
    count = 0
    with tqdm(total=limit, desc="reading", leave=False) as progress:
        for number, row in rows:
            try:
                sample = read(number, row)
            except BrokenMediaError as error:
                left_out.append(LeftOut(name(number, row), str(error)))
                continue
            if sample is None:
                continue
            yield number, row, sample
            progress.update()
            count += 1
            if count == limit:
                return


def read_sample(source: RowSource, number: int, row: Any, size: ClipSize) -> dict[str, Any] | None:
    """The sample of a row; of a still, one frame.

    Args:
        source (`RowSource`): the data set.
        number (`int`): of the row.
        row: the row.
        size (`ClipSize`): of the sample.

    Returns:
        `dict[str, Any]`: `caption`, `video` (uint8 of shape `(T, Y, X, 3)`), where there are some `sketch`
        (`(T, Y, X)`), and of drawn clips `row`; None for a still of these that shows nothing.

    Raises:
        BrokenMediaError: If it cannot be used.
    """
    sample = next(iter(source.reader.read(number, row)))
    frames, caption = slice(None), sample["caption"]
    if size.still:
        frames, caption = slice(sample["image_index"], sample["image_index"] + 1), sample["image_caption"]
    arrays = {name: sample[name][frames] for name in ("video", "sketch") if name in sample}
    if isinstance(source, IndexedClips):
        if size.still and not sample["object_mask"][frames].any():
            return None
        arrays["row"] = sample
    return {"caption": caption, **arrays}


def content_digest(sample: dict[str, Any], label: str | None) -> bytes:
    """A digest of what a sample shows and is called.

    Args:
        sample (`dict[str, Any]`): of `read_sample`.
        label (`str`, *optional*): its class.

    Returns:
        `bytes`: 32 of them.
    """
    digest = hashlib.sha256(repr((sample["caption"], label, sample["video"].shape)).encode())
    for name in ("video", "sketch"):
        if name in sample:
            digest.update(np.ascontiguousarray(sample[name]))
    return digest.digest()
