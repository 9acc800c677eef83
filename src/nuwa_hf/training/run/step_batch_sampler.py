# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The order of the data as a pure function of the step."""

from collections.abc import Iterator

from torch.utils.data import Sampler

from nuwa_hf.training.run.run_arguments import RunArguments


class StepBatchSampler(Sampler[list[int]]):
    """The indices of every forward pass of one process.

    The rows of a pass are dealt to the processes in turn, as cards are. So tasks that stand one after the other in a
    pass are spread over the processes as evenly as they can be.

        index = (step * passes + pass) * rows + process + k * processes       for k in [0, rows / processes)

    With a data set that is a pure function of the index, no sampler state is needed: a resumed run starts at its step
    and sees what an uninterrupted run would see, and the samples of a step do not depend on the number of processes.

    Args:
        arguments (`RunArguments`): give the batch size, the accumulation and the last step.
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
        rows = self.batch_size * self.num_processes
        for number in range(self.steps.start * self.passes, self.steps.stop * self.passes):
            yield list(range(number * rows + self.process_index, (number + 1) * rows, self.num_processes))

    def __len__(self) -> int:
        return len(self.steps) * self.passes
