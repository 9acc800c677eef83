# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The samples of a data set that can be read, and the others by name."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from tqdm.auto import tqdm

from nuwa_hf.datasets.left_out import LeftOut
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
