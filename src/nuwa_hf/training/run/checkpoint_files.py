# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Writes and loads the checkpoints of a run, in all of its processes, with Accelerate."""

import logging
import pickle
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedType
from safetensors import SafetensorError

from nuwa_hf.storage.whole_folders import flush, move_into_place
from nuwa_hf.training.run.changed_processes import written_by
from nuwa_hf.training.run.processes import first_in_any_process
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_checkpoints import damage, set_aside, write_file_sizes
from nuwa_hf.training.run.saved_arguments import OtherRunError, check_same_run, write_arguments
from nuwa_hf.training.run.saved_data import RunData, check_same_data, write_data
from nuwa_hf.training.run.saved_states import Settings, check_optimizers, check_random_states, settings_of
from nuwa_hf.training.run.sharded_checkpoints import check_same_strategy


logger = logging.getLogger(__name__)

# What a full disk raises: Python itself, torch.save and safetensors.
WRITE_ERRORS = (OSError, RuntimeError, SafetensorError)
# What loading a damaged checkpoint raises: safetensors, torch.load, and the `load_state_dict` of what was saved, which
# takes what it reads for what was written.
LOAD_ERRORS = (
    *(OSError, RuntimeError, SafetensorError, pickle.UnpicklingError, EOFError),
    *(LookupError, TypeError, ValueError, AttributeError, ArithmeticError),
)


def write_checkpoint(final: Path, accelerator: Accelerator, arguments: RunArguments, data: RunData) -> bool:
    """Writes a checkpoint under a temporary name and renames it when it is complete and on the disk.

    Args:
        final (`Path`): its folder.
        accelerator (`Accelerator`): with everything prepared and registered.
        arguments (`RunArguments`): of the run.
        data (`Mapping[str, str | int | None]`): what the run learns from.

    Returns:
        `bool`: whether every process could write its part. If not, nothing is left of it, and the log says why.
    """
    aside = final.with_name(f".{final.name}.incomplete")
    if accelerator.is_main_process:
        shutil.rmtree(aside, ignore_errors=True)
    accelerator.wait_for_everyone()

    def write() -> None:
        accelerator.save_state(str(aside))
        if accelerator.is_main_process:
            write_data(aside, data)
            write_arguments(aside, arguments)

    def seal() -> None:
        if accelerator.is_main_process:
            write_file_sizes(aside)
        flush(aside)

    # One after the other: a process that flushes must not see the temporary files of one that is still writing.
    is_written = _succeeds_everywhere(write, final) and _succeeds_everywhere(seal, final)
    if accelerator.is_main_process:
        if is_written:
            move_into_place(aside, final)
        else:
            shutil.rmtree(aside, ignore_errors=True)
    return is_written


def _succeeds_everywhere(action: Callable[[], None], final: Path) -> bool:
    """Runs an action in every process and returns, in every process, whether it succeeded in all of them."""
    failure = None
    try:
        action()
    except WRITE_ERRORS as error:
        failure = str(error)
        logger.error("Checkpoint %s could not be written, the last good one stays: %s", final, error)
    return first_in_any_process(failure) is None


def load_newest(
    checkpoints: Sequence[Path], accelerator: Accelerator, arguments: RunArguments, data: RunData
) -> Path | None:
    """Loads the newest checkpoint that every process can read. Those after it are damaged: the log says so, and they
    are set aside.

    Args:
        checkpoints (`Sequence[Path]`): those that there are, the oldest first.
        accelerator (`Accelerator`): with everything prepared and registered.
        arguments (`RunArguments`): of the run.
        data (`Mapping[str, str | int | None]`): what the run learns from.

    Returns:
        `Path` of the checkpoint, or None if there are none.

    Raises:
        ValueError: If it was trained with other arguments or on other data, or with FSDP and the run is not, or the
            other way round.
        OSError: If none of them can be read.
    """
    damaged: dict[Path, str] = {}
    settings = settings_of(_optimizers_of(accelerator))
    for checkpoint in reversed(checkpoints):
        reason = _load(checkpoint, accelerator, arguments, data, settings)
        if reason is not None:
            damaged[checkpoint] = reason
            continue
        for path, what in damaged.items() if accelerator.is_main_process else ():
            logger.warning(
                "%s is damaged (%s), so the run goes on from %s. The damaged one is %s now and can be deleted.",
                *(path, what, checkpoint, set_aside(path)),
            )
        return checkpoint
    if damaged:
        named = "; ".join(f"{path} ({reason})" for path, reason in damaged.items())
        raise OSError(
            f"`output_dir` must hold a checkpoint that can be read, got damaged ones only: {named}; delete what is "
            "damaged to start anew, or choose another folder."
        )
    return None


def _optimizers_of(accelerator: Accelerator) -> list[torch.optim.Optimizer]:
    """Those that Accelerate itself loads."""
    return [] if accelerator.distributed_type == DistributedType.DEEPSPEED else accelerator._optimizers


def _load(
    checkpoint: Path, accelerator: Accelerator, arguments: RunArguments, data: RunData, settings: Sequence[Settings]
) -> str | None:
    """Loads a checkpoint, and returns, in every process, why that was impossible in any of them, or None."""
    reason = first_in_any_process(damage(checkpoint))
    if reason is not None:
        return reason
    check_same_run(checkpoint, arguments)
    check_same_data(checkpoint, data)
    check_same_strategy(checkpoint, accelerator)

    def look() -> None:
        if written_by(checkpoint) == accelerator.num_processes:
            check_random_states(checkpoint, accelerator.process_index)

    def load() -> None:
        accelerator.load_state(str(checkpoint))
        check_optimizers(_optimizers_of(accelerator), settings)

    # One after the other: a process that loads shards waits for all of them.
    return _why_not(look) or _why_not(load)


def _why_not(action: Callable[[], None]) -> str | None:
    """Runs an action in every process and returns, in every process, why it failed in any of them, or None."""
    reason = None
    try:
        action()
    except (torch.OutOfMemoryError, OtherRunError):
        raise
    except LOAD_ERRORS as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return first_in_any_process(reason)
