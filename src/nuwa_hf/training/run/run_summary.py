# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a run says: at its start what it is, and at its end where the result is and what to type next."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from nuwa_hf.shell_words import shell_line
from nuwa_hf.training.run.next_commands import log_next
from nuwa_hf.training.run.run_state import RunState


logger = logging.getLogger(__name__)


def log_start(
    state: RunState,
    models: Mapping[str, nn.Module],
    *,
    clips: int | None,
    resumed: Path | None,
    has_samples: bool = True,
    tasks: str | None = None,
) -> None:
    """Logs what a run is, in a few aligned lines, in the main process.

    Args:
        state (`RunState`): after `resume`.
        models (`Mapping[str, torch.nn.Module]`): name to model, without wrappers.
        clips (`int`, *optional*): how many clips or images are learnt; None for ones that are made without end.
        resumed (`Path`, *optional*): what `resume` returned.
        has_samples (`bool`, defaults to `True`): whether sample sheets are drawn.
        tasks (`str`, *optional*): the tasks of a batch, in words.
    """
    if state.accelerator.is_main_process:
        lines = describe_start(state, models, clips=clips, resumed=resumed, has_samples=has_samples, tasks=tasks)
        width = max(map(len, lines))
        logger.info("This run:\n%s", "\n".join(f"  {name:<{width}}  {text}" for name, text in lines.items()))


def describe_start(
    state: RunState,
    models: Mapping[str, nn.Module],
    *,
    clips: int | None,
    resumed: Path | None,
    has_samples: bool = True,
    tasks: str | None = None,
) -> dict[str, str]:
    """The lines of `log_start`.

    Args:
        state (`RunState`): after `resume`.
        models (`Mapping[str, torch.nn.Module]`): name to model, without wrappers.
        clips (`int`, *optional*): how many clips or images, or samples of them, are learnt; None for ones that are
            made without end.
        resumed (`Path`, *optional*): what `resume` returned.
        has_samples (`bool`, defaults to `True`): whether sample sheets are drawn.
        tasks (`str`, *optional*): the tasks of a batch, in words; with them it is samples that are counted.

    Returns:
        `dict[str, str]`: name to text.
    """
    arguments, accelerator, samples = state.arguments, state.accelerator, state.global_batch_size
    device, processes = accelerator.device, accelerator.num_processes
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    precision = "float32" if arguments.mixed_precision == "no" else arguments.mixed_precision
    lines = {"device": f"{name}, {processes} process{'es' * (processes > 1)}, {precision}"}
    for model_name, model in models.items():
        count = sum(weight.numel() for weight in model.parameters())
        trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
        lines[model_name] = f"{count:,} parameters, {'all' if trained == count else f'{trained:,}'} trained"
    steps, left = arguments.max_train_steps, arguments.max_train_steps - state.step
    if clips is None:
        lines["data"] = "made as the run goes on, without end"
    else:
        kind = "clips" if tasks is None else "samples"  # of token files, which have several of a clip
        lines["data"] = f"{clips:,} {kind}, {steps * samples / clips:,.1f} epochs"
    factors = {
        "in a pass": arguments.train_batch_size,
        "passes": arguments.gradient_accumulation_steps,
        "processes": processes,
    }
    shared = " x ".join(f"{count} {name}" for name, count in factors.items() if count > 1 or name == "in a pass")
    lines["batch"] = f"{samples:,} samples a step" + (f": {shared}" if samples > arguments.train_batch_size else "")
    if tasks is not None:
        lines["tasks"] = tasks
    lines["steps"] = f"{steps:,}" if resumed is None else f"{steps:,}, {left:,} of them to go from {resumed}"
    lines["folder"] = f"{state.output_dir}, a checkpoint every {arguments.checkpointing_steps:,} steps"
    if arguments.log_with in ("tensorboard", "all"):
        lines["curves"] = shell_line(["tensorboard", "--logdir", str(state.output_dir)])
    if has_samples:
        lines["samples"] = f"{state.samples_dir}, every {arguments.sample_every:,} steps"
    return lines


def in_one_line(values: Mapping[str, float]) -> str:
    """Numbers with their names, such as "loss 1.234, psnr 22.1"."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def log_end(state: RunState, result: Path, commands: Sequence[str]) -> None:
    """Logs where the result and the samples are and what to type next, in the main process.

    Args:
        state (`RunState`): the run.
        result (`Path`): the folder that it leaves.
        commands (`Sequence[str]`): as `nuwa_hf.training.run.next_commands` gives them.
    """
    if state.accelerator.is_main_process:
        samples = f", the samples in {state.samples_dir}" if state.samples_dir.is_dir() else ""
        logger.info("%s steps are done; the result is in %s%s.", f"{state.step:,}", result, samples)
        log_next(commands)
