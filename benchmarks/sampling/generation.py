# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Seconds for one video: wavefront and raster order of this package, and nuwa-pytorch 0.7.8, at equal sizes.

    python -m benchmarks.sampling.generation --output benchmarks/results

The head of `nuwa_pytorch_model.py` says what to install; `--cases wavefront raster` needs nothing. Before a row is
timed, both orders of this package must give the same tokens in float64.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring.estimates import fit_exponent
from benchmarks.measuring.machine import describe_machine, paired_ratio, summarize, time_interleaved, timed
from benchmarks.models.nuwa_pytorch_model import check_can_compare
from benchmarks.models.sizes import sized_config
from benchmarks.report.report import write_result
from benchmarks.sampling.generation_cases import (
    TEXT_LENGTH,
    build_model,
    check_orders_agree,
    generation,
    time_nuwa_pytorch,
)
from nuwa_hf import Grid, NuwaForConditionalGeneration
from nuwa_hf.generation.schedule import SCHEDULES


GUIDANCE_SCALE = 2.0
NUWA_PYTORCH = "nuwa_pytorch"
CASES = (*SCHEDULES, NUWA_PYTORCH)
GRIDS = ("8x8x8", "10x16x16")
GROWTH_GRIDS = tuple(f"{frames}x{side}x{side}" for side in (8, 16) for frames in (4, 8, 16, 32))
NUWA_PYTORCH_GROWTH_GRIDS = tuple(f"{frames}x{side}x{side}" for side in (8, 16) for frames in (4, 8, 16))


def compare(
    model: NuwaForConditionalGeneration, arguments: argparse.Namespace, grid: Grid, guidance_scale: float
) -> dict[str, Any]:
    """Each case for one video.

    Args:
        model (`NuwaForConditionalGeneration`): this package's, in float32.
        arguments (`argparse.Namespace`): of the command line.
        grid (`Grid`): the video's.
        guidance_scale (`float`): 1 is off.

    Returns:
        `dict`: the row. A case's `ratio` is its time over that of the first.

    Raises:
        RuntimeError: If the orders do not agree.
    """
    schedules = [case for case in arguments.cases if case in SCHEDULES]
    check_orders_agree(copy.deepcopy(model).double(), grid, guidance_scale, arguments.seed)
    runs = {name: timed(generation(model, grid, name, guidance_scale, arguments.seed)) for name in schedules}
    seconds = time_interleaved(runs, arguments.repetitions, f"{name_of(grid)}, guidance {guidance_scale:g}")
    cases = {
        name: {
            "steps": model.num_generation_steps(grid, name),
            "seconds": summarize(seconds[name]),
            "ratio": paired_ratio(seconds[name], seconds[schedules[0]]),
        }
        for name in schedules
    }
    if NUWA_PYTORCH in arguments.cases:
        found = time_nuwa_pytorch(
            sized_config(arguments.hidden_size, arguments.layers, grid),
            guidance_scale,
            arguments.nuwa_pytorch_steps,
            arguments.nuwa_pytorch_repetitions,
            grid in arguments.nuwa_pytorch_whole_grids,
            arguments.seed,
        )
        best_known = found.get("whole_seconds", found["seconds"])["median"]
        found["ratio"] = best_known / cases[schedules[0]]["seconds"]["median"]
        cases[NUWA_PYTORCH] = found
    return {
        "grid": tuple(grid),
        "tokens": grid.numel,
        "guidance": guidance_scale > 1,
        "tokens_equal_in_float64": True,
        "cases": cases,
    }


def measure_growth(model: NuwaForConditionalGeneration, arguments: argparse.Namespace) -> dict[str, Any]:
    """Time against tokens without guidance, and the exponents p of `seconds ~ tokens^p`.

    Args:
        model (`NuwaForConditionalGeneration`): in float32.
        arguments (`argparse.Namespace`): of the command line.

    Returns:
        `dict`: `rows`, one for each case and grid, and `exponents`: case to size of a frame to p, where there are
        videos of different length.
    """
    rows = []
    for name in (case for case in arguments.cases if case in SCHEDULES):
        runs = {
            name_of(grid): timed(generation(model, grid, name, 1.0, arguments.seed)) for grid in arguments.growth_grids
        }
        seconds = time_interleaved(runs, arguments.growth_repetitions, f"growth, {name}")
        rows += [
            {
                "case": name,
                "grid": tuple(grid),
                "tokens": grid.numel,
                "steps": model.num_generation_steps(grid, name),
                "seconds": summarize(seconds[name_of(grid)]),
            }
            for grid in arguments.growth_grids
        ]
    for grid in arguments.nuwa_pytorch_growth_grids if NUWA_PYTORCH in arguments.cases else ():
        config = sized_config(arguments.hidden_size, arguments.layers, grid)
        found = time_nuwa_pytorch(config, 1.0, arguments.nuwa_pytorch_steps, 1, False, arguments.seed)
        rows.append({"case": NUWA_PYTORCH, "grid": tuple(grid), "tokens": grid.numel, **found})
    return {"rows": rows, "exponents": fit_exponents(rows)}


def fit_exponents(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The exponent of each case, for each size of a frame of which there are videos of different length.

    Args:
        rows (`list[dict]`): those of `measure_growth`.

    Returns:
        `dict`: case to `HxW` to p.
    """
    series: dict[str, dict[str, list]] = {}
    for row in rows:
        points = series.setdefault(row["case"], {}).setdefault("x".join(map(str, row["grid"][1:])), [])
        points.append((row["tokens"], row["seconds"]["median"]))
    return {
        case: {side: fit_exponent(*zip(*points, strict=True)) for side, points in sides.items() if len(points) > 1}
        for case, sides in series.items()
    }


def parse_grid(text: str) -> Grid:
    """A grid from `TxHxW`, such as `10x16x16`."""
    return Grid(*(int(extent) for extent in text.split("x")))


def name_of(grid: Grid) -> str:
    """`TxHxW`, what `parse_grid` takes."""
    return "x".join(map(str, grid))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), help="to compare; the first is ours")
    parser.add_argument("--hidden_size", type=int, default=192, help="width (default: 192)")
    parser.add_argument("--layers", type=int, default=6, help="decoder layers (default: 6)")
    parser.add_argument("--repetitions", type=int, default=5, help="timed runs of each order (default: 5)")
    parser.add_argument("--growth_repetitions", type=int, default=3, help="the same for the growth (default: 3)")
    parser.add_argument(
        "--nuwa_pytorch_repetitions", type=int, default=1, help="its whole videos, and passes over its steps (1)"
    )
    parser.add_argument(
        "--nuwa_pytorch_steps", type=int, default=17, help="its steps that a time is estimated from (default: 17)"
    )
    for name, default, words in (
        ("grids", GRIDS, "videos of the comparison"),
        ("growth_grids", GROWTH_GRIDS, "videos of the growth"),
        ("nuwa_pytorch_growth_grids", NUWA_PYTORCH_GROWTH_GRIDS, "those of nuwa-pytorch's growth"),
        ("nuwa_pytorch_whole_grids", GRIDS[:1], "videos that nuwa-pytorch makes from start to end"),
    ):
        parser.add_argument(
            f"--{name}",
            type=parse_grid,
            nargs="*",
            default=[parse_grid(text) for text in default],
            metavar="TxHxW",
            help=f"{words} (default: {' '.join(default)})",
        )
    parser.add_argument("--seed", type=int, default=0, help="of weights, text and sampling (default: 0)")
    return parser


def check_arguments(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be measured, before any work.

    Args:
        arguments (`argparse.Namespace`): of the command line.

    Raises:
        RuntimeError: If nuwa-pytorch is a case and is not installed.
        ValueError: If an argument breaks its rule.
    """
    if arguments.cases[0] not in SCHEDULES:
        raise ValueError(f"`--cases` must begin with one of {SCHEDULES}, got {arguments.cases[0]!r}.")
    for name in ("growth_grids", "nuwa_pytorch_growth_grids"):
        grids = getattr(arguments, name)
        if len(set(grids)) < len(grids):
            raise ValueError(f"`--{name}` must differ from each other, got {' '.join(map(name_of, grids))}.")
    if not set(arguments.nuwa_pytorch_whole_grids) <= set(arguments.grids):
        missing = set(arguments.nuwa_pytorch_whole_grids) - set(arguments.grids)
        raise ValueError(
            f"`--nuwa_pytorch_whole_grids` must be among `--grids`, got {' '.join(map(name_of, missing))}."
        )
    if NUWA_PYTORCH in arguments.cases:
        check_can_compare([*arguments.grids, *arguments.nuwa_pytorch_growth_grids])


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write `generation.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If the orders do not agree, or nuwa-pytorch is missing.
        ValueError: If an argument breaks its rule.
    """
    arguments = build_parser().parse_args(argv)
    check_arguments(arguments)
    machine = describe_machine()
    grids = [*arguments.grids, *arguments.growth_grids]
    model = build_model(arguments.hidden_size, arguments.layers, grids, arguments.seed)
    result = {
        "machine": machine,
        "settings": {
            "cases": arguments.cases,
            "hidden_size": arguments.hidden_size,
            "layers": arguments.layers,
            "heads": model.config.num_attention_heads,
            "codebook_size": model.config.codebook_size,
            "window": model.config.window,
            "text_length": TEXT_LENGTH,
            "guidance_scale": GUIDANCE_SCALE,
            "batch_size": 1,
            "repetitions": arguments.repetitions,
            "growth_repetitions": arguments.growth_repetitions,
            "nuwa_pytorch_repetitions": arguments.nuwa_pytorch_repetitions,
            "seed": arguments.seed,
        },
        "comparison": [
            compare(model, arguments, grid, guidance_scale)
            for grid in arguments.grids
            for guidance_scale in (1.0, GUIDANCE_SCALE)
        ],
        "growth": measure_growth(model, arguments),
    }
    write_result("generation", result, arguments.output)


if __name__ == "__main__":
    main()
