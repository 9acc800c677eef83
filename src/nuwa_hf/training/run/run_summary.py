# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a run says: at its start what it is, soon after when it will end, and at its end what to type next."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import torch
from torch import nn

from nuwa_hf.training.run.next_commands import log_next
from nuwa_hf.training.run.run_state import RunState


logger = logging.getLogger(__name__)

# The estimate is made once this many steps and seconds have passed, after the first step, which is slower.
TIMED_STEPS, TIMED_SECONDS = 3, 10.0


def log_start(state: RunState, models: Mapping[str, nn.Module], *, clips: int | None, resumed: Path | None) -> None:
    """Logs what a run is, in a few aligned lines, in the main process.

    Args:
        state (`RunState`): after `resume`.
        models (`Mapping[str, torch.nn.Module]`): name to model, without wrappers.
        clips (`int`, *optional*): how many clips or images are learnt; None for ones that are made without end.
        resumed (`Path`, *optional*): what `resume` returned.
    """
    if state.accelerator.is_main_process:
        lines = describe_start(state, models, clips=clips, resumed=resumed)
        width = max(map(len, lines))
        logger.info("This run:\n%s", "\n".join(f"  {name:<{width}}  {text}" for name, text in lines.items()))


def describe_start(
    state: RunState, models: Mapping[str, nn.Module], *, clips: int | None, resumed: Path | None
) -> dict[str, str]:
    """The lines of `log_start`.

    Args:
        state (`RunState`): after `resume`.
        models (`Mapping[str, torch.nn.Module]`): name to model, without wrappers.
        clips (`int`, *optional*): how many clips or images are learnt; None for ones that are made without end.
        resumed (`Path`, *optional*): what `resume` returned.

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
        lines["data"] = f"{clips:,} clips, {steps * samples / clips:,.1f} epochs"
    factors = {
        "in a pass": arguments.train_batch_size,
        "passes": arguments.gradient_accumulation_steps,
        "processes": processes,
    }
    shared = " x ".join(f"{count} {name}" for name, count in factors.items() if count > 1 or name == "in a pass")
    lines["batch"] = f"{samples:,} samples a step" + (f": {shared}" if samples > arguments.train_batch_size else "")
    lines["steps"] = f"{steps:,}" if resumed is None else f"{steps:,}, {left:,} of them to go from {resumed}"
    lines["folder"] = (
        f"{state.output_dir}; every {arguments.checkpointing_steps:,} steps a checkpoint, every "
        f"{arguments.sample_every:,} a look at held-out samples"
    )
    return lines


class EndEstimate:
    """Logs once when a run will end, as soon as a few of its steps have been timed.

    Args:
        state (`RunState`): the run.
    """

    def __init__(self, state: RunState):
        self.state = state
        self._first: tuple[int, float] | None = None
        self._is_said = not state.accelerator.is_main_process

    def update(self) -> None:
        """Counts a step. It waits for the device only when it starts and when it stops timing."""
        if self._is_said:
            return
        step, left = self.state.step, self.state.arguments.max_train_steps - self.state.step
        if self._first is None:
            self._first = step, self._now()
            return
        first, start = self._first
        if step - first < TIMED_STEPS or time.perf_counter() - start < TIMED_SECONDS:
            return
        seconds = (self._now() - start) / (step - first)
        self._is_said = True
        if left > 0:
            end = datetime.now() + timedelta(seconds=seconds * left)
            logger.info(
                "%.2f s a step: the %s steps to go end at about %s, in %s, without samples and checkpoints.",
                *(seconds, f"{left:,}", f"{end:%a %H:%M}", in_words(seconds * left)),
            )

    def _now(self) -> float:
        if self.state.accelerator.device.type == "cuda":
            torch.cuda.synchronize(self.state.accelerator.device)
        return time.perf_counter()


def in_words(seconds: float) -> str:
    """A duration, such as "40 s", "12 min" or "3 h 05 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def log_end(state: RunState, result: Path, commands: Sequence[str]) -> None:
    """Logs where the result is and what to type next, in the main process.

    Args:
        state (`RunState`): the run.
        result (`Path`): the folder that it leaves.
        commands (`Sequence[str]`): as `nuwa_hf.training.run.next_commands` gives them.
    """
    if state.accelerator.is_main_process:
        logger.info("%s steps are done; the result is in %s.", f"{state.step:,}", result)
        log_next(commands)
