# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Images and videos of the paper's sizes, from text to pixels: seconds of every part, floors, memory.

    python -m benchmarks.pipeline.paper_size --output benchmarks/results
    python -m benchmarks.pipeline.paper_size --output . --device cuda --batch_sizes 1 4 16

Weights are random, which changes no shape and so no time. A pipeline is saved once into a temporary folder (4.2 GB for
nuwa-336), from which every case loads it in a process of its own, so that its peak memory is its own. The precisions
of one case take turns, so all of them are in memory together.
"""

import argparse
import json
import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.measuring.devices import DEVICES, describe
from benchmarks.measuring.machine import summarize
from benchmarks.measuring.processes import time_in_processes
from benchmarks.pipeline.paper_pipeline import (
    GUIDANCE_SCALE,
    OUTPUTS,
    PRESETS,
    PROMPT,
    Precision,
    build_case,
    save_random_pipeline,
)
from benchmarks.report.report import write_result


GUIDANCE = {"off": (False,), "on": (True,), "both": (False, True)}


def measure_preset(
    preset: str,
    precisions: Sequence[Precision],
    outputs: Sequence[str],
    batch_sizes: Sequence[int],
    guidance: Sequence[bool],
    repetitions: int,
    settings: dict[str, Any],
    work: Path,
) -> list[dict[str, Any]]:
    """Every case of one size.

    Args:
        preset (`str`): a key of `PRESETS`.
        precisions (`Sequence[Precision]`): they take turns.
        outputs (`Sequence[str]`): keys of `OUTPUTS`.
        batch_sizes (`Sequence[int]`): outputs of a call.
        guidance (`Sequence[bool]`): whether to guide.
        repetitions (`int`): counted calls of each case.
        settings (`dict`): `device`, `is_channels_last` and `seed`, as for `build_case`.
        work (`Path`): an empty folder with room for the weights.

    Returns:
        `list[dict]`: a row for each case.

    Raises:
        RuntimeError: If a case fails.
    """
    folder = work / preset
    # In a process of its own, because what this one uses would count as the memory of those that it starts.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(save_random_pipeline, preset, settings["seed"], folder).result()
    rows = []
    for output, batch_size, is_guided in [(o, b, g) for o in outputs for b in batch_sizes for g in guidance]:
        cases = {
            "/".join(precision): {
                "folder": folder,
                "output": output,
                "precision": precision,
                "batch_size": batch_size,
                "guidance": is_guided,
                "num_calls": repetitions + 1,
                "notes": work / f"{len(rows) + number}.jsonl",
                **settings,
            }
            for number, precision in enumerate(precisions)
        }
        title = f"{preset}, {output}, {batch_size}{', guided' if is_guided else ''}"
        time_in_processes(build_case, cases, repetitions, title)
        for case in cases.values():
            same = {name: case[name] for name in ("output", "batch_size", "guidance")}
            rows.append({"preset": preset, **same, **case["precision"]._asdict(), **read_notes(case["notes"])})
    return rows


def read_notes(path: Path) -> dict[str, Any]:
    """What the counted calls of a case noted, as one row.

    Args:
        path (`Path`): a line of JSON for each call, the first not counted, the last with all that is noted once.

    Returns:
        `dict[str, Any]`: the last line with `seconds` summarised and `share_of_floor`: how near the waves came to it.
    """
    _, *counted = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    row = dict(counted[-1])
    row["seconds"] = {part: summarize([note["seconds"][part] for note in counted]) for part in counted[-1]["seconds"]}
    return row | {"share_of_floor": row["floors"]["seconds"] / row["seconds"]["waves"]["median"]}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write `paper_size.json`.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If a case fails.
        ValueError: If an argument breaks its rule.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the JSON file")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=["nuwa-336"], help="sizes (nuwa-336)")
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="cpu (default) or cuda")
    parser.add_argument(
        "--precisions",
        nargs="+",
        metavar="NAME[/CODEC]",
        help="of the transformer: float32, bfloat16 or int8 (on a CPU), and behind a slash of the codec if it is "
        "another than float32, with bfloat16 than bfloat16, as in int8/bfloat16 (default: all three, on a GPU two)",
    )
    parser.add_argument("--outputs", nargs="+", choices=OUTPUTS, default=list(OUTPUTS), help="what to make (both)")
    parser.add_argument("--batch_sizes", type=int, nargs="+", default=[1], help="outputs of a call (default: 1)")
    parser.add_argument("--guidance", choices=GUIDANCE, default="both", help="off, on, or both (default)")
    parser.add_argument(
        "--channels_last",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="channels as the codec's innermost axis in memory (default: on)",
    )
    parser.add_argument("--repetitions", type=int, default=3, help="timed calls of each case (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and sampling (default: 0)")
    parser.add_argument("--work_dir", type=Path, metavar="DIR", help="where the temporary folder is made")
    arguments = parser.parse_args(argv)
    names = arguments.precisions or ["float32", "bfloat16", *(["int8"] if arguments.device == "cpu" else [])]
    precisions = [Precision.parse(name) for name in names]
    if arguments.device != "cpu" and any(precision.transformer == "int8" for precision in precisions):
        raise ValueError("`--precisions` must be float32 or bfloat16 with `--device cuda`, got int8 (for a CPU only).")
    if min(arguments.batch_sizes) < 1 or arguments.repetitions < 1:
        raise ValueError("`--batch_sizes` and `--repetitions` must be at least 1.")

    machine = describe(arguments.device)
    settings = {
        "device": arguments.device,
        "is_channels_last": arguments.channels_last,
        "seed": arguments.seed,
    }
    rows = []
    for preset in arguments.presets:
        with tempfile.TemporaryDirectory(dir=arguments.work_dir) as work:
            rows += measure_preset(
                preset,
                precisions,
                arguments.outputs,
                arguments.batch_sizes,
                GUIDANCE[arguments.guidance],
                arguments.repetitions,
                settings,
                Path(work),
            )
    settings |= {"prompt": PROMPT, "guidance_scale": GUIDANCE_SCALE, "repetitions": arguments.repetitions}
    write_result("paper_size", {"machine": machine, "settings": settings, "cases": rows}, arguments.output)


if __name__ == "__main__":
    main()
