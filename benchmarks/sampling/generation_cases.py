# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The cases of `generation.py`: one video by this package in either order, and one by nuwa-pytorch, of equal size.

Weights are random, which does not affect the time.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.measuring.estimates import estimate_from_steps
from benchmarks.measuring.machine import summarize, timed
from benchmarks.models.nuwa_pytorch_model import build_nuwa_pytorch, generation_step, whole_generation
from benchmarks.models.sizes import sized_config
from nuwa_hf import Grid, NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.generation.schedule import SCHEDULES


TEXT_LENGTH = 16
# At the training's 0.02 a random model hardly looks at what it has sampled, and unequal orders could go unnoticed.
INITIALIZER_RANGE = 0.1


def random_text(config: NuwaConfig, seed: int) -> torch.Tensor:
    """Text tokens of shape `(1, TEXT_LENGTH)`, none of them padding."""
    first = max(config.pad_token_id, config.none_token_id) + 1
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(first, config.vocab_size, (1, TEXT_LENGTH), generator=generator)


def build_model(hidden_size: int, layers: int, grids: list[Grid], seed: int) -> NuwaForConditionalGeneration:
    """A random model of the embedded preset with another width, depth and grid.

    Args:
        hidden_size (`int`): width.
        layers (`int`): decoder layers.
        grids (`list[Grid]`): what it must be able to write.
        seed (`int`): of the weights.

    Returns:
        `NuwaForConditionalGeneration`: float32, in evaluation mode.
    """
    torch.manual_seed(seed)
    largest = Grid(*(max(extents) for extents in zip(*grids, strict=True)))
    config = sized_config(hidden_size, layers, largest, initializer_range=INITIALIZER_RANGE)
    return NuwaForConditionalGeneration(config).eval()


def generation(
    model: NuwaForConditionalGeneration, grid: Grid, schedule: str, guidance_scale: float, seed: int
) -> Callable[[], torch.Tensor]:
    """A function that samples one video.

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        grid (`Grid`): the video's (T, H, W).
        schedule (`str`): `"wavefront"` or `"raster"`.
        guidance_scale (`float`): 1 is off.
        seed (`int`): of the text and of the sampling.

    Returns:
        `Callable`: gives tokens of shape `(1, T, H, W)`, the same at each call.
    """
    text = random_text(model.config, seed)

    def make() -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return model.generate(
            text, grid=grid, schedule=schedule, guidance_scale=guidance_scale, generator=generator
        ).tokens

    return make


def check_orders_agree(model: NuwaForConditionalGeneration, grid: Grid, guidance_scale: float, seed: int) -> None:
    """Require the same tokens from both orders in float64.

    Args:
        model (`NuwaForConditionalGeneration`): in float64.
        grid (`Grid`): the video's.
        guidance_scale (`float`): 1 is off.
        seed (`int`): as for `generation`.

    Raises:
        RuntimeError: If a token differs.
    """
    wavefront, raster = (generation(model, grid, schedule, guidance_scale, seed)() for schedule in SCHEDULES)
    if not torch.equal(wavefront, raster):
        count = int((wavefront != raster).sum())
        raise RuntimeError(f"Wavefront and raster order differ in {count} of {grid.numel} tokens in float64.")


def time_nuwa_pytorch(
    config: NuwaConfig, guidance_scale: float, num_timed: int, repetitions: int, is_whole: bool, seed: int
) -> dict[str, Any]:
    """The seconds of one video by nuwa-pytorch: estimated from some of its steps and, if wanted, measured.

    Every step has tensors of its own sizes, in its `generate` as here, so nothing is warmed up but the first one.

    Args:
        config (`NuwaConfig`): the sizes; `visual_grid` is that of the video.
        guidance_scale (`float`): 1 is off.
        num_timed (`int`): steps to time, evenly spaced in the video.
        repetitions (`int`): passes over these steps, and whole videos.
        is_whole (`bool`): whether whole videos are timed too.
        seed (`int`): of weights, text and sampling.

    Returns:
        `dict`: `steps`, `timed_steps`, `seconds` (estimated) and, where measured, `whole_seconds`.
    """
    torch.manual_seed(seed)
    model = build_nuwa_pytorch(config).eval()
    text = random_text(config, seed)
    num_steps = Grid(*config.visual_grid).numel
    step = generation_step(model, text, guidance_scale)
    tokens = torch.randint(0, config.codebook_size, (1, num_steps))
    title = f"nuwa-pytorch {'x'.join(map(str, config.visual_grid))}, guidance {guidance_scale:g}"

    def time_step(place: int) -> float:
        start = time.perf_counter()
        step(tokens[:, :place])
        elapsed = time.perf_counter() - start
        bar.update()
        return elapsed

    num_timed = min(num_timed, num_steps)
    with tqdm(total=1 + repetitions * num_timed, desc=title, mininterval=1.0) as bar:
        time_step(num_steps // 2)
        seconds = [estimate_from_steps(time_step, num_steps, num_timed) for _ in range(repetitions)]
    found = {"steps": num_steps, "timed_steps": num_timed, "seconds": summarize(seconds)}
    if is_whole:
        run = timed(whole_generation(model, text, guidance_scale, seed))
        found["whole_seconds"] = summarize([run() for _ in tqdm(range(repetitions), desc=f"{title}, whole")])
    return found
