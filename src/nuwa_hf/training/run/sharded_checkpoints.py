# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sharded weights, optimiser states and averages in the checkpoints, by `torch.distributed.checkpoint`.

Each process writes its own shards, once, and any number of processes can read them. Accelerate would write the frozen
weights too, and can only keep one optimiser.
"""

import io
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from torch import nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.planner import ReadItem
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict

from nuwa_hf.training.run.averaged_weights import AveragedWeights


SHARDS = "shards"  # the folder in a checkpoint
INDEX_FILE = ".metadata"  # as `torch.distributed.checkpoint` calls it
INDEX_MODULES = ("torch.distributed.checkpoint.metadata",)  # dataclasses and enumerations
INDEX_NAMES = {
    ("torch", "Size"),
    ("torch.serialization", "_get_layout"),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    ("torch.distributed.checkpoint.filesystem", "_StoragePrefix"),
    ("collections", "OrderedDict"),
    *((module, name) for module in ("pathlib", "pathlib._local") for name in ("PosixPath", "WindowsPath")),
}
LEARNT_ONLY = StateDictOptions(ignore_frozen_params=True, strict=False)


def checkpoint_shards(
    accelerator: Accelerator, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], average: AveragedWeights
) -> None:
    """Makes Accelerate's checkpoints hold what is learnt as shards, and nothing else of what it prepared.

    Args:
        accelerator (`Accelerator`): has prepared the rest with FSDP2; it forgets the model and the optimisers.
        model (`torch.nn.Module`): whose learnt weights are kept.
        optimizers (`Sequence[torch.optim.Optimizer]`): whose states are kept.
        average (`AveragedWeights`): of the learnt weights.
    """
    accelerator.free_memory()
    optimizers = tuple(getattr(optimizer, "optimizer", optimizer) for optimizer in optimizers)  # without wrappers

    def state() -> dict[str, Any]:
        weights, moments = get_state_dict(model, optimizers, options=LEARNT_ONLY)
        return {"weights": weights, "optimizers": moments, "average": average.state_dict()}

    def save(models: list[nn.Module], states: list[dict[str, torch.Tensor]], folder: str) -> None:
        with _as_os_error():
            checkpoint.save(state(), checkpoint_id=Path(folder) / SHARDS)

    def load(models: list[nn.Module], folder: str) -> None:
        loaded, shards = state(), Path(folder) / SHARDS
        check_index(shards)
        with _as_os_error():
            checkpoint.load(loaded, checkpoint_id=shards, planner=PlainValues())
        set_state_dict(
            model,
            optimizers,
            model_state_dict=loaded["weights"],
            optim_state_dict=loaded["optimizers"],
            options=LEARNT_ONLY,
        )
        average.load_state_dict(loaded["average"])

    accelerator.register_save_state_pre_hook(save)
    accelerator.register_load_state_pre_hook(load)


class PlainValues(DefaultLoadPlanner):
    """Reads what is no tensor without running code that it finds there."""

    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        """Take over a value.

        Args:
            read_item (`ReadItem`): says which.
            value (`io.BytesIO`): as `torch.save` wrote it.
        """
        plain = io.BytesIO()
        torch.save(torch.load(value, weights_only=True), plain)
        plain.seek(0)
        super().load_bytes(read_item, plain)


class _IndexReader(pickle.Unpickler):
    """Takes from an index of shards what `torch.distributed.checkpoint` writes into it, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        known = module in INDEX_MODULES or (module, name) in INDEX_NAMES
        if not known and not (module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)):
            raise pickle.UnpicklingError(f"the index of its shards asks for {module}.{name}, which none needs")
        found = super().find_class(module, name)
        if module in INDEX_MODULES and getattr(found, "__module__", None) != module:
            raise pickle.UnpicklingError(f"the index of its shards asks for {module}.{name}, which none needs")
        return found


def check_index(shards: Path) -> None:
    """Check that the index of shards, which torch unpickles, asks for nothing that could do harm.

    Args:
        shards (`Path`): their folder.

    Raises:
        OSError: If there is none.
        pickle.UnpicklingError: If it asks for something else, or is damaged.
    """
    with (shards / INDEX_FILE).open("rb") as file:
        _IndexReader(file).load()


def check_same_strategy(folder: Path, accelerator: Accelerator) -> None:
    """Check that a checkpoint was written with sharded weights if the run shards them, and not otherwise.

    Args:
        folder (`Path`): the checkpoint's.
        accelerator (`Accelerator`): of the run.

    Raises:
        ValueError: If it was written in the other way.
    """
    was_sharded, is_sharded = (folder / SHARDS).is_dir(), accelerator.distributed_type == DistributedType.FSDP
    if was_sharded != is_sharded:
        was, now = ("with FSDP" if sharded else "without FSDP" for sharded in (was_sharded, is_sharded))
        raise ValueError(
            f"`output_dir` must hold checkpoints of a run {now}, got {folder}, which was written {was}; launch the "
            "run as before (with FSDP, any number of processes above one will do), or choose another folder."
        )


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turns what `torch.distributed.checkpoint` raises, which is no `Exception`, into one error with one cause."""
    try:
        yield
    except CheckpointException as error:
        rank, (cause, _) = next(iter(error.failures.items()))
        raise OSError(f"process {rank}: {type(cause).__name__}: {cause}") from None
