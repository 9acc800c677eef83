# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The state of a training run: step, order of the data, checkpoints, metrics."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from diffusers.optimization import get_scheduler
from safetensors import SafetensorError
from torch.optim.lr_scheduler import LRScheduler

from nuwa_hf.storage.whole_folders import flush, move_into_place, recover, remove
from nuwa_hf.training.run.freed_memory import keep_freed_memory
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_checkpoints import complete_checkpoints, newest_checkpoint
from nuwa_hf.training.run.saved_arguments import check_same_run, read_arguments, write_arguments
from nuwa_hf.training.run.step_batch_sampler import StepBatchSampler


logger = logging.getLogger(__name__)

# What a full disk raises: Python itself, torch.save and safetensors.
WRITE_ERRORS = (OSError, RuntimeError, SafetensorError)


def build_accelerator(arguments: RunArguments) -> Accelerator:
    """Sets up Accelerate, creates the output folder and seeds Python, NumPy and torch.

    On CPUs, glibc is told to keep freed memory. The training step accumulates gradients in a loop of its own, so
    Accelerate is not told to.

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
    deepspeed = accelerator.state.deepspeed_plugin
    if deepspeed is not None:  # which clips by itself, and otherwise reads the batch from a prepared loader
        deepspeed.deepspeed_config["train_micro_batch_size_per_gpu"] = arguments.train_batch_size
        deepspeed.deepspeed_config["gradient_clipping"] = arguments.max_grad_norm
    set_seed(arguments.seed)
    return accelerator


def build_scheduler(arguments: RunArguments, optimizer: torch.optim.Optimizer) -> LRScheduler:
    """The learning-rate schedule over `max_train_steps`, to be stepped once per optimiser step.

    It must not be given to `Accelerator.prepare`, which steps a scheduler once for every process.

    Args:
        arguments (`RunArguments`): give the schedule, the warm-up and the length.
        optimizer (`torch.optim.Optimizer`): whose learning rate it sets.

    Returns:
        `torch.optim.lr_scheduler.LRScheduler`.
    """
    name = "cosine" if arguments.lr_scheduler == "cosine" else "constant_with_warmup"
    warmup = round(arguments.warmup_ratio * arguments.max_train_steps)
    return get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=arguments.max_train_steps)


class GeneratorState:
    """Makes a `torch.Generator` something that `RunState.register` accepts.

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
    """Counts the steps of a run, writes and reads its checkpoints, and appends to `metrics.jsonl`.

    A checkpoint holds what was prepared with the accelerator (weights, optimisers), the random states of Python,
    NumPy and torch in every process, the step, what was given to `register`, and the run's arguments. It is written
    under a temporary name and renamed when complete, so a folder called `checkpoint-000500` is always complete. All
    machines of a run must see the same `output_dir`.

    Args:
        arguments (`RunArguments`): the run's arguments.
        accelerator (`Accelerator`): what `build_accelerator` returned.

    Attributes:
        step (`int`): the number of optimiser steps taken so far.
    """

    def __init__(self, arguments: RunArguments, accelerator: Accelerator):
        self.arguments = arguments
        self.accelerator = accelerator
        self.output_dir = Path(arguments.output_dir)
        self.step = 0
        self._saved_global_batch_size = self.global_batch_size
        accelerator.register_for_checkpointing(self)
        if arguments.log_with is not None:
            accelerator.init_trackers("nuwa_hf")

    @property
    def global_batch_size(self) -> int:
        """The samples of one optimiser step, over all processes."""
        arguments = self.arguments
        return arguments.train_batch_size * arguments.gradient_accumulation_steps * self.accelerator.num_processes

    def state_dict(self) -> dict[str, int]:
        """The step, and the batch size of a step."""
        return {"step": self.step, "global_batch_size": self.global_batch_size}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Loads what `state_dict` returned."""
        self.step = state["step"]
        self._saved_global_batch_size = state["global_batch_size"]

    def register(self, *objects) -> None:
        """Adds objects with `state_dict` and `load_state_dict` to the checkpoints. The order must always be the
        same.
        """
        self.accelerator.register_for_checkpointing(*objects)

    def batch_sampler(self) -> StepBatchSampler:
        """The order of the data from the current step on. Call `resume` first."""
        return StepBatchSampler(
            self.arguments,
            first_step=self.step,
            process_index=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )

    def resume(self) -> Path | None:
        """Loads the newest complete checkpoint if there is one and the arguments ask for it.

        The run then goes on as if it had never stopped. If the number of processes has changed, a warning says so and
        names the consequences: the random states start afresh, and the order of the data stays the same only if a step
        still has as many samples. Call this once everything is prepared and registered.

        Returns:
            `Path` of the checkpoint, or None for a fresh start.

        Raises:
            ValueError: If `resume` is off and the folder already holds checkpoints, or the newest was trained with
                other arguments.
        """
        if self.accelerator.is_main_process:
            recover(self.output_dir)
        self.accelerator.wait_for_everyone()
        newest = newest_checkpoint(self.output_dir)
        if newest is not None and not self.arguments.resume:
            raise ValueError(
                f"`output_dir` must hold no checkpoints when `resume` is off, got {newest}; "
                "choose another folder or delete the old run."
            )
        if newest is not None:
            check_same_run(newest, self.arguments)
            self.accelerator.load_state(str(newest))
            self._take_over(newest)
            logger.info("Resumed %s", newest)
        elif self.accelerator.process_index > 0:
            set_seed(self.arguments.seed, device_specific=True)  # or all processes would drop out the same places
        if self.accelerator.is_main_process:
            self._forget_later_metrics()
        self.accelerator.wait_for_everyone()
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
        # One process after the other: one that flushes must not see the temporary files of one that is still writing.
        is_written = self._succeeds_everywhere(lambda: self._write(aside), final)
        is_written = is_written and self._succeeds_everywhere(lambda: flush(aside), final)
        if self.accelerator.is_main_process:
            if is_written:
                move_into_place(aside, final)
                for old in complete_checkpoints(self.output_dir)[: -self.arguments.checkpoints_total_limit]:
                    remove(old)
            else:
                shutil.rmtree(aside, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        return final if is_written else None

    def _write(self, aside: Path) -> None:
        self.accelerator.save_state(str(aside))
        if self.accelerator.is_main_process:
            write_arguments(aside, self.arguments)

    def _succeeds_everywhere(self, action: Callable[[], None], final: Path) -> bool:
        """Runs an action in every process and returns, in every process, whether it succeeded in all of them."""
        error = None
        try:
            action()
        except WRITE_ERRORS as caught:
            error = caught
            logger.error("Checkpoint %s could not be written, the last good one stays: %s", final, caught)
        succeeded = torch.tensor(float(error is None), device=self.accelerator.device)
        return self.accelerator.reduce(succeeded, "mean").item() == 1.0

    def log(self, values: dict[str, float]) -> None:
        """Appends the values and the step to `metrics.jsonl`, and passes them to the tracker if there is one."""
        if self.accelerator.is_main_process:
            line = json.dumps({"step": self.step, **values})
            with (self.output_dir / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        self.accelerator.log(values, step=self.step)

    def is_due(self, every: int) -> bool:
        """Whether something that happens at an interval, and after the last step, is due."""
        return self.step % every == 0 or self.step == self.arguments.max_train_steps

    def _take_over(self, checkpoint: Path) -> None:
        """Warns about a changed number of processes or samples, and seeds processes that are new."""
        processes, written_by = self.accelerator.num_processes, len(list(checkpoint.glob("random_states_*.pkl")))
        changes = []
        if written_by != processes:
            # New processes have no saved state and would repeat the random numbers of the run's start.
            set_seed((self.arguments.seed + 1_000_003 * self.step) % 2**31, device_specific=True)
            changes.append(
                f"it was written by {written_by} processes and goes on with {processes}, whose random states (those "
                "of dropout) start anew"
            )
        now, before = self.global_batch_size, self._saved_global_batch_size
        if now != before:
            changes.append(f"a step had {before} samples and has {now} now, so the data's order changes")
        elif changes:
            changes.append(f"a step has {now} samples as before, so the data's order stays")
        saved = read_arguments(checkpoint)
        rows = self.arguments.train_batch_size
        if now == before and saved is not None and saved["train_batch_size"] != rows:
            changes.append(
                f"`train_batch_size` was {saved['train_batch_size']} and is {rows}, so a step's samples are dealt out "
                "in other batches"
            )
        if changes and self.accelerator.is_main_process:
            logger.warning("%s: %s.", checkpoint, "; ".join(changes))

    def _forget_later_metrics(self) -> None:
        """Drops the lines after the checkpoint, all if there is none: a killed run's, which will be written again."""
        path = self.output_dir / "metrics.jsonl"
        if not path.exists():
            return
        lines = path.read_text(encoding="utf-8").splitlines() if self.step > 0 else []
        lines = [line for line in lines if _step_of(line) <= self.step]
        aside = path.with_name(".metrics.jsonl.incomplete")
        aside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        aside.replace(path)


def _step_of(line: str) -> float:
    """The step of a line of metrics. A line cut short by a kill counts as later than all others."""
    try:
        return json.loads(line)["step"]
    except json.JSONDecodeError:
        return float("inf")
