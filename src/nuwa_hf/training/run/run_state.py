# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The state of a training run: step, order of the data, checkpoints, metrics."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from nuwa_hf.exit_status import RunNotFinite, StoppedEarly
from nuwa_hf.storage.whole_folders import recover, remove
from nuwa_hf.training.run.changed_processes import what_changed, written_by
from nuwa_hf.training.run.checkpoint_files import load_newest, write_checkpoint
from nuwa_hf.training.run.finite_updates import StepNotTaken, is_finite_everywhere
from nuwa_hf.training.run.finite_values import weight_that_is_not_finite
from nuwa_hf.training.run.metrics_file import MetricsFile
from nuwa_hf.training.run.processes import first_in_any_process
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_checkpoints import complete_checkpoints, newest_checkpoint, step_of
from nuwa_hf.training.run.run_setup import keep_to_schedule
from nuwa_hf.training.run.saved_data import RunData
from nuwa_hf.training.run.saved_states import like
from nuwa_hf.training.run.step_batch_sampler import StepBatchSampler


logger = logging.getLogger(__name__)

REGISTERED_FILE = "registered_{}.pt"
SKIPS_IN_A_ROW = 20  # as often as fp16 can halve its first scale of 65,536 until nothing is left of the gradients


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
    NumPy and torch in every process, the step, what was given to `register`, the run's arguments, and what tells its
    data from other data. It is written under a temporary name and renamed when complete, so a folder called
    `checkpoint-000500` is always complete. All machines of a run must see the same `output_dir`.

    Args:
        arguments (`RunArguments`): the run's arguments.
        accelerator (`Accelerator`): what `build_accelerator` returned.
        data (`Mapping[str, str | int | None]`, *optional*): what the run learns from: what tells it from other data,
            such as digests, by a name without paths. A checkpoint of other data is not resumed.

    Attributes:
        step (`int`): the number of optimiser steps taken or skipped so far.
        skipped_steps (`int`): how many of those were skipped.
        samples_dir (`Path`): where sample sheets go.
        metrics (`MetricsFile`): the run's `metrics.jsonl`.
    """

    def __init__(self, arguments: RunArguments, accelerator: Accelerator, data: RunData | None = None):
        self.arguments = arguments
        self.accelerator = accelerator
        self.data = {} if data is None else data
        self.output_dir = Path(arguments.output_dir)
        self.samples_dir = self.output_dir / "samples"
        self.metrics = MetricsFile(self.output_dir)
        self.step = 0
        self.skipped_steps = 0
        self._watched: tuple[nn.Module, ...] = ()
        self._skipped_in_a_row, self._last_skipped = 0, 0
        self._saved_global_batch_size = self.global_batch_size
        self._saved_step = 0
        self._registered: list[Any] = [self]
        accelerator.register_save_state_pre_hook(lambda models, weights, folder: self._write_registered(folder))

    @property
    def global_batch_size(self) -> int:
        """The samples of one optimiser step, over all processes."""
        arguments = self.arguments
        return arguments.train_batch_size * arguments.gradient_accumulation_steps * self.accelerator.num_processes

    def state_dict(self) -> dict[str, int]:
        """The step, how many were skipped, and the batch size of a step."""
        return {
            "step": self.step,
            "skipped_steps": self.skipped_steps,
            "global_batch_size": self.global_batch_size,
        }

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Loads what `state_dict` returned."""
        self.step = state["step"]
        self.skipped_steps = state.get("skipped_steps", 0)  # checkpoints from before steps could be skipped lack it
        self._saved_global_batch_size = state["global_batch_size"]

    def register(self, *objects: Any) -> None:
        """Adds objects to the checkpoints. Accelerate, which could keep them too, would run code that it finds there.

        Args:
            objects: each with `state_dict` and `load_state_dict`, of tensors and plain values. The order must always
                be the same.
        """
        self._registered += objects

    def _write_registered(self, folder: str) -> None:
        for number, one in enumerate(self._registered if self.accelerator.is_main_process else ()):
            torch.save(one.state_dict(), Path(folder, REGISTERED_FILE.format(number)))

    def _load_registered(self, folder: str) -> None:
        for number, one in enumerate(self._registered):
            file = Path(folder, REGISTERED_FILE.format(number))
            found = torch.load(file, map_location="cpu", weights_only=True)
            one.load_state_dict(like(found, one.state_dict(), file.name))
        if self.step != step_of(Path(folder)):
            raise ValueError(f"{REGISTERED_FILE.format(0)} is of step {self.step}")

    def watch(self, *models: nn.Module) -> None:
        """Names the models whose weights must be finite to be written.

        Args:
            models (`torch.nn.Module`): without wrappers.
        """
        self._watched = models

    def skip_or_stop(self, error: StepNotTaken) -> None:
        """Counts the step after `step` as skipped, or stops the run. If there are several processes, each must call
        this.

        The run stops if `non_finite` says so, after `SKIPS_IN_A_ROW` skipped steps, and if a watched weight itself is
        not finite, which no later step can mend. Gradients that overflow in fp16 are skipped in any case.

        Args:
            error (`StepNotTaken`): the same in every process.

        Raises:
            RunNotFinite: In every process, with the step, the loss, the gradient and the weight.
        """
        self.skipped_steps += 1
        self._skipped_in_a_row = self._skipped_in_a_row + 1 if self._last_skipped == self.step else 1
        self._last_skipped = self.step + 1
        weight = first_in_any_process(weight_that_is_not_finite(self._watched))
        what = f"{error}, and " + ("all weights are finite" if weight is None else f"the weight {weight}")
        if weight is None and self._skipped_in_a_row >= SKIPS_IN_A_ROW:
            what += f", after {self._skipped_in_a_row} such steps in a row"
        elif weight is None and (error.is_overflow or self.arguments.non_finite == "skip"):
            if self.accelerator.is_main_process:
                logger.warning("Step %d is skipped: %s.", self.step + 1, what)
            return
        self._stop(self.step + 1, what)

    def check_weights(self) -> None:
        """Stops the run if a watched weight of any process is not finite. If there are several, each must call this.

        Raises:
            RunNotFinite: In every process, with the step and the weight.
        """
        found = weight_that_is_not_finite(self._watched)
        number = torch.tensor(0.0 if found is None else torch.nan, device=self.accelerator.device)
        if not is_finite_everywhere(self.accelerator, number):
            self._stop(self.step, f"the weight {first_in_any_process(found)}")

    def _stop(self, step: int, what: str) -> None:
        newest = newest_checkpoint(self.output_dir)
        stays = "there is no checkpoint yet" if newest is None else f"the last finite checkpoint stays: {newest}"
        raise RunNotFinite(
            f"Stopped at step {step}: {what}; {stays}. Start a new run with a lower `learning_rate` (it was "
            f"{self.arguments.learning_rate:g}), or look at the data."
        )

    @contextmanager
    def resumable(self) -> Iterator[None]:
        """Within the block, Ctrl-C is answered with how the run can go on.

        Yields:
            Nothing.

        Raises:
            KeyboardInterrupt: With that sentence.
        """
        try:
            yield
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._how_it_goes_on()) from None

    def stop(self, reason: str) -> None:
        """Ends the run after this step, with a checkpoint of it. If there are several processes, each must call this.

        Args:
            reason (`str`): in words.

        Raises:
            StoppedEarly: In every process.
        """
        if self.step > self._saved_step:
            self.save()
        steps = self.arguments.max_train_steps
        raise StoppedEarly(f"stopped after step {self.step} of {steps} ({reason}); {self._how_it_goes_on()}")

    def _how_it_goes_on(self) -> str:
        newest = newest_checkpoint(self.output_dir)
        if newest is None:
            return "the same command starts anew, for there is no checkpoint yet."
        return f"the same command goes on from {newest}."

    def batch_sampler(self) -> StepBatchSampler:
        """The order of the data from the current step on. Call `resume` first."""
        return StepBatchSampler(
            self.arguments,
            first_step=self.step,
            process_index=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )

    def resume(self) -> Path | None:
        """Loads the newest checkpoint that can be read, if there is one and the arguments ask for it.

        The run then goes on as if it had never stopped. If the number of processes has changed, a warning says so and
        names the consequences: the random states start afresh, and the order of the data stays the same only if a step
        still has as many samples. A damaged checkpoint is named and set aside, and the one before it is loaded. Call
        this once everything is prepared and registered.

        Returns:
            `Path` of the checkpoint, or None for a fresh start.

        Raises:
            ValueError: If `resume` is off and the folder already holds checkpoints, or the newest was trained with
                other arguments or on other data.
            OSError: If there are checkpoints, and none of them can be read.
        """
        if self.accelerator.is_main_process:
            recover(self.output_dir)
        self.accelerator.wait_for_everyone()
        checkpoints = complete_checkpoints(self.output_dir)
        if checkpoints and not self.arguments.resume:
            raise ValueError(
                f"`output_dir` must hold no checkpoints when `resume` is off, got {checkpoints[-1]}; "
                "choose another folder or delete the old run."
            )
        # After all other hooks, which may refuse the checkpoint.
        hook = self.accelerator.register_load_state_pre_hook(lambda models, folder: self._load_registered(folder))
        try:
            resumed = load_newest(checkpoints, self.accelerator, self.arguments, self.data)
        finally:
            hook.remove()
        if resumed is not None:
            self._take_over(resumed)
        elif self.accelerator.process_index > 0:
            set_seed(self.arguments.seed, device_specific=True)  # or all processes would drop out the same places
        if self.accelerator.is_main_process:
            self.metrics.forget_after(self.step)
        self.accelerator.wait_for_everyone()
        return resumed

    def save(self) -> Path | None:
        """Writes `checkpoint-<step>` and drops the oldest beyond `checkpoints_total_limit`.

        A write that fails, for example on a full disk, is logged; the run goes on and the last good checkpoint stays.

        Returns:
            `Path` of the checkpoint, or None if it could not be written.

        Raises:
            RunNotFinite: In every process, if a watched weight is not finite. Nothing is written.
        """
        self.check_weights()
        final = self.output_dir / f"checkpoint-{self.step:06d}"
        is_written = write_checkpoint(final, self.accelerator, self.arguments, self.data)
        self._saved_step = self.step if is_written else self._saved_step
        if is_written and self.accelerator.is_main_process:
            logger.info("Step %d: wrote %s.", self.step, final)
            for old in complete_checkpoints(self.output_dir)[: -self.arguments.checkpoints_total_limit]:
                remove(old)
        self.accelerator.wait_for_everyone()
        return final if is_written else None

    def log(self, values: dict[str, float]) -> None:
        """Appends the values, the step and the number of skipped steps, if there are any, to `metrics.jsonl`, and
        passes them to the trackers that are started.
        """
        if self.skipped_steps:
            values = {**values, "skipped_steps": self.skipped_steps}
        if self.accelerator.is_main_process:
            self.metrics.append(self.step, values)
        self.accelerator.log(values, step=self.step)

    def is_due(self, every: int) -> bool:
        """Whether something that happens at an interval, and after the last step, is due."""
        return self.step % every == 0 or self.step == self.arguments.max_train_steps

    def _take_over(self, checkpoint: Path) -> None:
        """Sets the learning rates, warns about a changed number of processes or samples, and seeds processes that are
        new.
        """
        self._saved_step = self.step
        for scheduler in self._registered:
            if isinstance(scheduler, LambdaLR):
                keep_to_schedule(scheduler)
        processes = self.accelerator.num_processes
        before, now = self._saved_global_batch_size, self.global_batch_size
        if written_by(checkpoint) != processes:
            # New processes have no saved state and would repeat the random numbers of the run's start.
            set_seed((self.arguments.seed + 1_000_003 * self.step) % 2**31, device_specific=True)
        changes = what_changed(checkpoint, self.arguments, processes, samples_before=before, samples_now=now)
        if changes and self.accelerator.is_main_process:
            logger.warning("%s: %s.", checkpoint, "; ".join(changes))
