# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments that a checkpoint was trained with, and their comparison with those of the run that resumes it."""

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path

from nuwa_hf.argument_types import shown
from nuwa_hf.training.run.run_arguments import RunArguments


ARGUMENTS_FILE = "arguments.json"

# What a resumed run may change: where and how it runs, its length, what it writes, and how the samples of a step are
# divided among processes. Everything else affects the weights or the order of the data.
MAY_CHANGE = frozenset(
    (
        *("output_dir", "device", "resume", "max_train_steps", "max_train_hours", "dataloader_num_workers"),
        *("train_batch_size", "gradient_accumulation_steps", "gradient_checkpointing", "compile", "channels_last"),
        *("checkpointing_steps", "checkpoints_total_limit", "log_every", "log_with", "sample_every", "num_samples"),
        "non_finite",
        *("validation_tokens", "guidance_scale", "temperature", "unguided_temperature"),
        *("sample_sheets", "validation_prompts", "max_shard_size", "license"),
        *("push_to_hub", "hub_model_id", "hub_private_repo", "hub_every"),
    )
)


class OtherRunError(ValueError):
    """A checkpoint that is whole, but of another run."""


def write_arguments(folder: Path, arguments: RunArguments) -> None:
    """Writes `arguments.json` into a checkpoint.

    Args:
        folder (`Path`): the checkpoint.
        arguments (`RunArguments`): the run's arguments.
    """
    text = json.dumps(asdict(arguments), indent=2, sort_keys=True) + "\n"
    (folder / ARGUMENTS_FILE).write_text(text, encoding="utf-8")


def read_arguments(folder: Path) -> dict | None:
    """The arguments that a checkpoint was trained with.

    Args:
        folder (`Path`): the checkpoint.

    Returns:
        `dict` of names and values, or None for a checkpoint from before they were saved.
    """
    path = folder / ARGUMENTS_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def check_same_run(folder: Path, arguments: RunArguments) -> None:
    """Raises an error if a checkpoint was trained with other arguments.

    An argument missing from the checkpoint counts as its default. One that only the checkpoint has is ignored.

    Args:
        folder (`Path`): the checkpoint; one without saved arguments is accepted.
        arguments (`RunArguments`): of the run that resumes it.

    Raises:
        OtherRunError: If arguments that affect the weights or the data differ; the message names all of them.
    """
    saved = read_arguments(folder)
    if saved is None:
        return
    differing = []
    for entry in fields(arguments):
        value = getattr(arguments, entry.name)
        default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        trained_with = saved.get(entry.name, default)
        if entry.name not in MAY_CHANGE and trained_with != value:
            was = "not there" if trained_with is MISSING else shown(trained_with)
            differing.append(f"`{entry.name}` (was {was}, is {value!r})")
    if differing:
        raise OtherRunError(
            f"`output_dir` must be of a run with the same arguments, but {folder} differs in {', '.join(differing)}; "
            "give the arguments that it was trained with, or choose another folder for a new run. Where data was only "
            f"moved, correct its path in {folder / ARGUMENTS_FILE}."
        )
