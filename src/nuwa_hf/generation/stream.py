# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Streaming: each frame as soon as it is complete, of a grid or, in constant memory, of an endless video.

Legend: B batch, T, H, W visual grid.
"""

from collections.abc import Iterator

import torch

from nuwa_hf.generation.sampler import StepFunction, TokenDraw
from nuwa_hf.generation.step_plan import EndlessPlan
from nuwa_hf.grid import Grid


def frames_of_grid(steps: Iterator[tuple[list[int], torch.Tensor]], grid: Grid) -> Iterator[torch.Tensor]:
    """Yield the frames of a grid, each after the step that completes it.

    Args:
        steps (`Iterator`): what `sample_grid` yields.
        grid (`Grid`): (T, H, W).

    Yields:
        `torch.LongTensor` of shape `(B, H, W)`: the tokens of a frame.
    """
    frame_size = grid.h * grid.w
    for places, tokens in steps:
        for frame in [place // frame_size for place in places if place % frame_size == frame_size - 1]:
            yield tokens[:, frame].clone()  # the last place of a frame is also sampled last


@torch.no_grad()
def frames_without_end(
    compute: StepFunction, draw: TokenDraw, plan: EndlessPlan, num_frames: int | None
) -> Iterator[torch.Tensor]:
    """Yield the frames of a video of any length.

    Args:
        compute (`StepFunction`): computes the logits of a step.
        draw (`TokenDraw`): draws tokens from logits.
        plan (`EndlessPlan`): the steps.
        num_frames (`int`, *optional*): how many frames; None for an endless video.

    Yields:
        `torch.LongTensor` of shape `(B, H, W)`: the tokens of a frame.
    """
    tokens = torch.zeros(draw.batch_size, *plan.kept, dtype=torch.long, device=draw.device)
    flat = tokens.view(draw.batch_size, -1)  # shares memory with `tokens`
    noise = draw.noise_of(plan.kept)
    for step, begun, completed in plan:
        if begun is not None and noise is not None:
            noise.begin_frame(begun)
        flat.index_copy_(1, step.places, draw(compute(tokens, step, None), noise, step.places))
        if completed is not None:
            yield tokens[:, completed % plan.kept.t].clone()
            if completed + 1 == num_frames:
                return
