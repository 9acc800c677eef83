# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The batches of a run, made in this process or in others, and what is said where one cannot be made."""

import atexit
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from nuwa_hf.training.run.preemption import leave_signals_to_main_process


_OPEN: weakref.WeakSet[Generator] = weakref.WeakSet()


def drawn_batches(
    make: Callable[[list[int]], Any], batch_sampler: Iterable[list[int]], num_workers: int
) -> Iterator[Any]:
    """Batches, each a pure function of its sample indices.

    Args:
        make (`Callable[[list[int]], Any]`): makes a batch from its indices.
        batch_sampler (`Iterable[list[int]]`): the indices of each batch.
        num_workers (`int`): processes that make batches; 0 for this one.

    Returns:
        `Iterator`: of what `make` returns. It raises a `ValueError` if a batch cannot be made, and an `OSError` if a
        file or a worker process is gone.
    """
    # A generator of its own: otherwise the loader draws from torch's, and a resumed run would differ.
    loader = DataLoader(
        _Indices(),
        batch_sampler=batch_sampler,
        collate_fn=_ErrorsAsBatches(make),
        num_workers=num_workers,
        generator=torch.Generator(),
        worker_init_fn=leave_signals_to_main_process,
    )
    batches = _drawn(loader)
    _OPEN.add(batches)
    return batches


@atexit.register
def _close_open() -> None:
    """End the processes whose batches an error's traceback still holds. Python itself would ask them to end by a
    signal, which they ignore, and wait for them for ever.
    """
    for batches in list(_OPEN):
        batches.close()


def _drawn(loader: DataLoader) -> Iterator[Any]:
    try:
        for batch in loader:
            if isinstance(batch, Exception):
                raise batch
            yield batch
    except BaseException as error:
        if loader.num_workers > 0:
            error.__traceback__ = None  # it would hold the loader, whose processes end with it
        if "DataLoader worker" not in str(error) or not isinstance(error, RuntimeError):
            raise
        raise OSError(
            f"a process that draws samples has died, likely of memory ({error}); lower `dataloader_num_workers`"
        ) from error


class _Indices(Dataset):
    def __getitem__(self, index: int) -> int:
        return index


class _ErrorsAsBatches:
    """Gives an error in place of the batch that raised it: a loader would set its worker's traceback before it."""

    def __init__(self, make: Callable[[list[int]], Any]):
        self.make = make

    def __call__(self, indices: list[int]) -> Any:
        try:
            return self.make(indices)
        except (ValueError, OSError) as error:
            return error
