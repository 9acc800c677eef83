# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The batches of a run, made in this process or in others, and what is said where one cannot be made."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from nuwa_hf.training.run.preemption import leave_signals_to_main_process


def drawn_batches(
    make: Callable[[list[int]], Any], batch_sampler: Iterable[list[int]], num_workers: int
) -> Iterator[Any]:
    """Batches, each a pure function of its sample indices.

    Args:
        make (`Callable[[list[int]], Any]`): makes a batch from its indices.
        batch_sampler (`Iterable[list[int]]`): the indices of each batch.
        num_workers (`int`): processes that make batches; 0 for this one.

    Yields:
        What `make` returns.

    Raises:
        ValueError: If a batch cannot be made.
        OSError: If a file or a worker process is gone.
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
