# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Seconds for one video: wavefront against raster order with the same cache, and how the time grows with frames.

    python benchmarks/generation.py --output benchmarks/results

Weights are random, which changes no shape and so no time. Before a row is timed, both orders must give the same tokens
in float64.
"""

import argparse
import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import describe_machine, paired_ratio, summarize, time_interleaved, timed
from report import write_result

from nuwa_hf import Grid, NuwaConfig, NuwaForConditionalGeneration
from nuwa_hf.generation.schedule import SCHEDULES


HEAD_SIZE = 64
TEXT_LENGTH = 16
GUIDANCE_SCALE = 2.0
# At the training's 0.02 a random model hardly looks at what it has sampled, and unequal orders could go unnoticed.
INITIALIZER_RANGE = 0.1


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
    config = NuwaConfig.from_preset(
        "emoji-motion",
        hidden_size=hidden_size,
        num_attention_heads=max(1, hidden_size // HEAD_SIZE),
        num_decoder_layers=layers,
        visual_grid=tuple(max(extents) for extents in zip(*grids, strict=True)),
        initializer_range=INITIALIZER_RANGE,
    )
    return NuwaForConditionalGeneration(config).eval()


def generation(
    model: NuwaForConditionalGeneration, grid: Grid, schedule: str, guidance_scale: float, seed: int
) -> Callable[[], torch.Tensor]:
    """What makes one video.

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        grid (`Grid`): the video's (T, H, W).
        schedule (`str`): `"wavefront"` or `"raster"`.
        guidance_scale (`float`): 1 is off.
        seed (`int`): of the text and of the sampling.

    Returns:
        `Callable`: gives tokens of shape `(1, T, H, W)`, the same at each call.
    """
    first = max(model.config.pad_token_id, model.config.none_token_id) + 1
    text_generator = torch.Generator().manual_seed(seed)
    text = torch.randint(first, model.config.vocab_size, (1, TEXT_LENGTH), generator=text_generator)

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


def compare_orders(
    model: NuwaForConditionalGeneration, grids: list[Grid], repetitions: int, seed: int
) -> list[dict[str, Any]]:
    """Wavefront against raster order, with and without guidance.

    Args:
        model (`NuwaForConditionalGeneration`): in float32.
        grids (`list[Grid]`): the videos.
        repetitions (`int`): timed runs of each order.
        seed (`int`): as for `generation`.

    Returns:
        `list[dict]`: a row for each grid and guidance.
    """
    exact = copy.deepcopy(model).double()
    rows = []
    for grid in grids:
        for guidance_scale in (1.0, GUIDANCE_SCALE):
            check_orders_agree(exact, grid, guidance_scale, seed)
            cases = {
                schedule: timed(generation(model, grid, schedule, guidance_scale, seed)) for schedule in SCHEDULES
            }
            title = f"{'x'.join(map(str, grid))}, guidance {guidance_scale:g}"
            seconds = time_interleaved(cases, repetitions, title)
            rows.append(
                {
                    "grid": tuple(grid),
                    "tokens": grid.numel,
                    "guidance": guidance_scale > 1,
                    "steps": {schedule: model.num_generation_steps(grid, schedule) for schedule in SCHEDULES},
                    "seconds": {schedule: summarize(seconds[schedule]) for schedule in SCHEDULES},
                    "ratio": paired_ratio(seconds["raster"], seconds["wavefront"]),
                    "tokens_equal_in_float64": True,
                }
            )
    return rows


def measure_growth(
    model: NuwaForConditionalGeneration, grids: list[Grid], repetitions: int, seed: int
) -> dict[str, Any]:
    """Wavefront time of videos that differ in frames only, and the exponent p of `seconds ~ frames^p`.

    Args:
        model (`NuwaForConditionalGeneration`): in float32.
        grids (`list[Grid]`): the videos, at least two of different length.
        repetitions (`int`): timed runs of each.
        seed (`int`): as for `generation`.

    Returns:
        `dict`: `rows`, one for each grid, and `exponent`, by least squares in logarithms.
    """
    cases = {str(grid.t): timed(generation(model, grid, "wavefront", 1.0, seed)) for grid in grids}
    seconds = time_interleaved(cases, repetitions, "frames")
    rows = [
        {
            "grid": tuple(grid),
            "tokens": grid.numel,
            "steps": model.num_generation_steps(grid, "wavefront"),
            "seconds": summarize(seconds[str(grid.t)]),
        }
        for grid in grids
    ]
    medians = [row["seconds"]["median"] for row in rows]
    exponent = np.polyfit(np.log([grid.t for grid in grids]), np.log(medians), 1)[0]
    return {"rows": rows, "exponent": float(exponent)}


def parse_grid(text: str) -> Grid:
    """A grid from `TxHxW`, such as `10x16x16`."""
    return Grid(*(int(extent) for extent in text.split("x")))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write `generation.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If the orders do not agree.
        ValueError: If an argument breaks its rule.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--hidden_size", type=int, default=192, help="width (default: 192)")
    parser.add_argument("--layers", type=int, default=6, help="decoder layers (default: 6)")
    parser.add_argument(
        "--grids",
        type=parse_grid,
        nargs="+",
        default=[Grid(8, 8, 8), Grid(10, 16, 16)],
        metavar="TxHxW",
        help="videos of the comparison (default: 8x8x8 10x16x16)",
    )
    parser.add_argument(
        "--growth_grids",
        type=parse_grid,
        nargs="+",
        default=[Grid(frames, 16, 16) for frames in (4, 8, 16)],
        metavar="TxHxW",
        help="videos of the growth (default: 4x16x16 8x16x16 16x16x16)",
    )
    parser.add_argument("--repetitions", type=int, default=5, help="timed runs of each case (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, text and sampling (default: 0)")
    arguments = parser.parse_args(argv)
    frames = {grid.t for grid in arguments.growth_grids}
    frame_sizes = {(grid.h, grid.w) for grid in arguments.growth_grids}
    if len(frames) < max(2, len(arguments.growth_grids)) or len(frame_sizes) > 1:
        given = " ".join("x".join(map(str, grid)) for grid in arguments.growth_grids)
        raise ValueError(f"`--growth_grids` must be two or more that differ in frames only, got {given}.")

    machine = describe_machine()
    grids = [*arguments.grids, *arguments.growth_grids]
    model = build_model(arguments.hidden_size, arguments.layers, grids, arguments.seed)
    result = {
        "machine": machine,
        "settings": {
            "hidden_size": arguments.hidden_size,
            "layers": arguments.layers,
            "heads": model.config.num_attention_heads,
            "codebook_size": model.config.codebook_size,
            "window": model.config.window,
            "text_length": TEXT_LENGTH,
            "guidance_scale": GUIDANCE_SCALE,
            "batch_size": 1,
            "repetitions": arguments.repetitions,
            "seed": arguments.seed,
        },
        "comparison": compare_orders(model, arguments.grids, arguments.repetitions, arguments.seed),
        "growth": measure_growth(model, arguments.growth_grids, arguments.repetitions, arguments.seed),
    }
    write_result("generation", result, arguments.output)


if __name__ == "__main__":
    main()
