# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Streaming: each frame as soon as it is complete, of a grid or, in constant memory, of an endless video.

Legend: B batch, T, H, W visual grid.
"""

from collections.abc import Iterator

import torch

from nuwa_hf.generation.sampling_steps import SamplingSteps
from nuwa_hf.generation.step_plan import StepPlan


def frames_of_grid(steps: Iterator[tuple[tuple[int, ...], torch.Tensor]]) -> Iterator[torch.Tensor]:
    """Yield the frames of a grid, each after the step that completes it.

    Args:
        steps (`Iterator`): what `sample_grid` yields.

    Yields:
        `torch.LongTensor` of shape `(B, H, W)`: the tokens of a frame.
    """
    for completed, tokens in steps:
        for frame in completed:
            yield tokens[:, frame].clone(memory_format=torch.contiguous_format)


@torch.no_grad()
def frames_without_end(
    steps: SamplingSteps, plans: Iterator[StepPlan], num_frames: int | None
) -> Iterator[torch.Tensor]:
    """Yield the frames of a video of any length.

    Args:
        steps (`SamplingSteps`): the steps.
        plans (`Iterator[StepPlan]`): what `EndlessPlan` yields.
        num_frames (`int`, *optional*): how many frames; None for an endless video.

    Yields:
        `torch.LongTensor` of shape `(B, H, W)`: the tokens of a frame.

    Raises:
        FloatingPointError: Once a frame is complete, if logits were not finite.
    """
    steps.begin()
    num_kept = steps.tokens.shape[1]
    for begun, plan in enumerate(plans):
        if steps.noise is not None:
            steps.noise.begin_frame(begun)
        steps.load(plan.tables)
        for shape, completed in zip(plan.shapes, plan.completed, strict=True):
            steps.next(shape)
            if completed:
                steps.check_logits()
            for frame in completed:
                yield steps.tokens[:, frame % num_kept].clone(memory_format=torch.contiguous_format)
                if frame + 1 == num_frames:
                    return
