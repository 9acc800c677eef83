# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frames one by one, each as soon as it is complete: of a grid, or of a video without end in constant memory.

Legend: B batch, T, H, W visual grid.
"""

from collections.abc import Iterator

import torch

from nuwa_hf.generation.sampler import SamplingInputs, sample
from nuwa_hf.generation.step_decoder import StepDecoder
from nuwa_hf.generation.step_plan import EndlessPlan
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.token_checks import check_grid


def stream_frames(inputs: SamplingInputs, grid: tuple[int | None, int, int]) -> Iterator[torch.Tensor]:
    """What `NuwaForConditionalGeneration.stream` does; the arguments are described there.

    Args:
        inputs (`SamplingInputs`): what is sampled from.
        grid (`tuple[int | None, int, int]`): (T, H, W), T None for no end.

    Returns:
        `Iterator[torch.LongTensor]`: tokens of each frame, `(B, H, W)`.

    Raises:
        TypeError: If a dtype is wrong.
        ValueError: If an argument does not fit.
    """
    num_frames, height, width = grid
    learnt = inputs.model.config.get_visual_grid()
    asked = Grid(learnt.t if num_frames is None else num_frames, height, width)
    if num_frames is not None and num_frames <= learnt.t:
        check_grid(asked, inputs.model.config)
        inputs.check_known(asked)
        return _frames_of_grid(inputs, asked)
    learnt = Grid(learnt.t, height, width)
    check_grid(learnt, inputs.model.config)
    for name in ("sketch_tokens", "known_tokens", "known_mask"):
        if getattr(inputs, name) is not None:
            raise ValueError(
                f"`{name}` must be None for more than the learnt {learnt.t} frames, since it has no places there; "
                "stream at most those, or leave it out."
            )
    return _frames_without_end(inputs, learnt, num_frames)


def _frames_of_grid(inputs: SamplingInputs, grid: Grid) -> Iterator[torch.Tensor]:
    frame_size = grid.h * grid.w
    for places, tokens in sample(inputs, grid):
        for frame in [place // frame_size for place in places if place % frame_size == frame_size - 1]:
            yield tokens[:, frame].clone()  # the last place of a frame is its last one in time


@torch.no_grad()
def _frames_without_end(inputs: SamplingInputs, learnt: Grid, num_frames: int | None) -> Iterator[torch.Tensor]:
    device = inputs.input_ids.device
    plan = EndlessPlan(learnt, inputs.model.config.window, inputs.schedule, device)
    decoder = StepDecoder(inputs.model, learnt, plan.num_slots, [inputs.encode_texts()])
    flat = torch.zeros(inputs.batch_size, plan.kept.numel, dtype=torch.long, device=device)
    tokens = flat.view(inputs.batch_size, *plan.kept)  # shares memory with `flat`
    noise = inputs.noise_of(plan.kept)

    for step, begun, completed in plan:
        if begun is not None and noise is not None:
            noise.begin_frame(begun)
        hidden_states = decoder(inputs.rows_of(flat), step)
        flat[:, step.places] = inputs.draw(decoder, hidden_states, noise, step.places)
        if completed is not None:
            yield tokens[:, completed % plan.kept.t].clone()
            if completed + 1 == num_frames:
                return
