# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A training run on Accelerate: its step, its order of the data, its checkpoints and its metrics."""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from diffusers.optimization import get_scheduler
from safetensors import SafetensorError
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import Sampler

from nuwa_hf.training.arguments import RunArguments
from nuwa_hf.training.checkpoint_folders import complete_checkpoints, flush, move_into_place, newest_checkpoint
from nuwa_hf.training.cpu_memory import keep_freed_memory


logger = logging.getLogger(__name__)

# What a full disk raises, from Python's own writes, from torch.save and from safetensors.
WRITE_ERRORS = (OSError, RuntimeError, SafetensorError)


def build_accelerator(arguments: RunArguments) -> Accelerator:
    """Sets Accelerate up, makes the output folder and seeds Python, NumPy and torch.

    On CPUs glibc is told to keep freed memory. Gradient accumulation is the training step's own loop, so Accelerate
    is told nothing of it.

    Args:
        arguments (`RunArguments`): the run's arguments.

    Returns:
        `Accelerator`.
    """
    Path(arguments.output_dir).mkdir(parents=True, exist_ok=True)
    if arguments.device == "cpu":
        keep_freed_memory()
    accelerator = Accelerator(
        cpu=arguments.device == "cpu",
        mixed_precision=arguments.mixed_precision,
        log_with=arguments.log_with,
        project_dir=arguments.output_dir,
    )
    set_seed(arguments.seed)
    return accelerator


def build_scheduler(arguments: RunArguments, optimizer: torch.optim.Optimizer) -> LRScheduler:
    """The learning rate's course over `max_train_steps`, to be stepped once per optimiser step.

    It must not be given to `Accelerator.prepare`, which steps a scheduler once for every process.

    Args:
        arguments (`RunArguments`): gives the course, the warm-up and the length.
        optimizer (`torch.optim.Optimizer`): whose learning rate it sets.

    Returns:
        `torch.optim.lr_scheduler.LRScheduler`.
    """
    name = "cosine" if arguments.lr_scheduler == "cosine" else "constant_with_warmup"
    warmup = round(arguments.warmup_ratio * arguments.max_train_steps)
    return get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=arguments.max_train_steps)


class StepBatchSampler(Sampler[list[int]]):
    """The indices of every forward pass of one process: `step * global_batch + position`.

    A data set that is a pure function of the index then needs no sampler state: a resumed run starts at its step and
    sees what an uninterrupted one sees, and the samples of a step do not depend on how many processes share them.

    Args:
        arguments (`RunArguments`): gives the batch size, the accumulation and the last step.
        first_step (`int`): the step to start from.
        process_index (`int`): which of the processes this one is.
        num_processes (`int`): how many processes share a step.
    """

    def __init__(self, arguments: RunArguments, *, first_step: int, process_index: int, num_processes: int):
        self.batch_size = arguments.train_batch_size
        self.passes = arguments.gradient_accumulation_steps
        self.steps = range(first_step, arguments.max_train_steps)
        self.process_index = process_index
        self.num_processes = num_processes

    def __iter__(self) -> Iterator[list[int]]:
        for step in self.steps:
            for micro in range(self.passes):
                place = (step * self.passes + micro) * self.num_processes + self.process_index
                yield list(range(place * self.batch_size, (place + 1) * self.batch_size))

    def __len__(self) -> int:
        return len(self.steps) * self.passes


class GeneratorState:
    """Lets a `torch.Generator` be registered with a `RunState`.

    Args:
        generator (`torch.Generator`): whose state is saved and loaded.
    """

    def __init__(self, generator: torch.Generator):
        self.generator = generator

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The generator's state, a byte tensor."""
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Sets the generator back to a state that `state_dict` gave."""
        self.generator.set_state(state["state"])


class RunState:
    """Where a run stands: counts its steps, writes and reads its checkpoints, appends to `metrics.jsonl`.

    A checkpoint holds what was prepared with the accelerator (weights, optimisers), the random states of Python,
    NumPy and torch in every process, the step, and what was given to `register`. It is written under another name
    and renamed when complete, so that a folder called `checkpoint-000500` is always whole.

    Args:
        arguments (`RunArguments`): the run's arguments.
        accelerator (`Accelerator`): what `build_accelerator` gave.

    Attributes:
        step (`int`): the number of optimiser steps that are done.
    """

    def __init__(self, arguments: RunArguments, accelerator: Accelerator):
        self.arguments = arguments
        self.accelerator = accelerator
        self.output_dir = Path(arguments.output_dir)
        self.step = 0
        accelerator.register_for_checkpointing(self)
        if arguments.log_with is not None:
            accelerator.init_trackers("nuwa_hf")

    @property
    def global_batch_size(self) -> int:
        """The samples of one optimiser step, over all processes."""
        arguments = self.arguments
        return arguments.train_batch_size * arguments.gradient_accumulation_steps * self.accelerator.num_processes

    def state_dict(self) -> dict[str, int]:
        """The step and the batch size it counts."""
        return {"step": self.step, "global_batch_size": self.global_batch_size}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Takes the step over; warns if a step now has another number of samples, which shifts the data's order."""
        self.step = state["step"]
        if state["global_batch_size"] != self.global_batch_size:
            logger.warning(
                "The checkpoint was trained with %d samples a step, this run has %d: the data's order changes.",
                state["global_batch_size"],
                self.global_batch_size,
            )

    def register(self, *objects) -> None:
        """Puts objects with `state_dict` and `load_state_dict` into the checkpoints, always in the same order."""
        self.accelerator.register_for_checkpointing(*objects)

    def batch_sampler(self) -> StepBatchSampler:
        """The order of the data from this step on; to be asked for after `resume`."""
        return StepBatchSampler(
            self.arguments,
            first_step=self.step,
            process_index=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )

    def resume(self) -> Path | None:
        """Loads the newest complete checkpoint, if the arguments ask for it and there is one.

        Returns:
            `Path` of the checkpoint, or None for a fresh start.

        Raises:
            ValueError: If `resume` is off and the folder already holds checkpoints.
        """
        newest = newest_checkpoint(self.output_dir)
        if newest is None:
            return None
        if not self.arguments.resume:
            raise ValueError(
                f"`output_dir` must hold no checkpoints when `resume` is off, got {newest}; "
                "choose another folder or delete the old run."
            )
        self.accelerator.load_state(str(newest))
        if self.accelerator.is_main_process:
            self._forget_later_metrics()
        self.accelerator.wait_for_everyone()
        logger.info("Resumed %s", newest)
        return newest

    def save(self) -> Path | None:
        """Writes `checkpoint-<step>` and drops the oldest beyond `checkpoints_total_limit`.

        A write that fails, for example on a full disk, is logged; the run goes on and the last good checkpoint stays.

        Returns:
            `Path` of the checkpoint, or None if it could not be written.
        """
        final = self.output_dir / f"checkpoint-{self.step:06d}"
        aside = self.output_dir / f".{final.name}.incomplete"
        if self.accelerator.is_main_process:
            shutil.rmtree(aside, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        error = None
        try:
            self.accelerator.save_state(str(aside))
            flush(aside)
        except WRITE_ERRORS as caught:
            error = caught
            logger.error("Checkpoint %s could not be written, the last good one stays: %s", final, caught)
        is_written = torch.tensor(float(error is None), device=self.accelerator.device)
        is_written = self.accelerator.reduce(is_written, "mean").item() == 1.0
        if self.accelerator.is_main_process:
            if is_written:
                move_into_place(aside, final)
                for old in complete_checkpoints(self.output_dir)[: -self.arguments.checkpoints_total_limit]:
                    shutil.rmtree(old)
            else:
                shutil.rmtree(aside, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        return final if is_written else None

    def log(self, values: dict[str, float]) -> None:
        """Appends the values with the step to `metrics.jsonl`, and gives them to the tracker if there is one."""
        if self.accelerator.is_main_process:
            line = json.dumps({"step": self.step, **values})
            with (self.output_dir / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        self.accelerator.log(values, step=self.step)

    def is_due(self, every: int) -> bool:
        """Whether something that happens every so many steps, and after the last one, happens now."""
        return self.step % every == 0 or self.step == self.arguments.max_train_steps

    def _forget_later_metrics(self) -> None:
        """Drops the lines that a killed run wrote after the checkpoint: they are about to be written again."""
        path = self.output_dir / "metrics.jsonl"
        if not path.exists():
            return
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= self.step]
        aside = path.with_name(".metrics.jsonl.incomplete")
        aside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        aside.replace(path)


def _step_of(line: str) -> float:
    """The step of a metrics line; a line that was cut short by a kill counts as later than any."""
    try:
        return json.loads(line)["step"]
    except json.JSONDecodeError:
        return float("inf")
