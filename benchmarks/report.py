# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""From the benchmarks' JSON files to the tables of docs/benchmarks.md.

    python benchmarks/report.py --results benchmarks/results --page docs/benchmarks.md

A table stands between `<!-- NAME:start -->` and `<!-- NAME:end -->`; one without a JSON file stays as it is.
"""

import argparse
import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any


ROOT = Path(__file__).parents[1]
MIB = 2**20


def write_result(name: str, result: dict[str, Any], output: Path) -> Path:
    """Write a benchmark's result as JSON and print its tables.

    Args:
        name (`str`): the benchmark, a key of `TABLES`.
        result (`dict`): what it measured.
        output (`Path`): the folder, made if it is not there.

    Returns:
        `Path`: the file.
    """
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{TABLES[name](result)}\n\n{path}")
    return path


def fill_page(page: str, results: dict[str, dict[str, Any]]) -> str:
    """Put tables between their markers.

    Args:
        page (`str`): the page's text.
        results (`dict`): benchmark to its result.

    Returns:
        `str`: the new text.

    Raises:
        ValueError: If a result's markers are missing.
    """
    for name, result in results.items():
        markers = re.compile(rf"(<!-- {name}:start -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
        if not markers.search(page):
            raise ValueError(f"the page must hold <!-- {name}:start --> and <!-- {name}:end -->; add both.")
        table = TABLES[name](result)
        page = markers.sub(lambda match, table=table: f"{match[1]}{table}\n{match[2]}", page)
    return page


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """The results in a folder, by benchmark; those that are missing are left out."""
    paths = {name: folder / f"{name}.json" for name in TABLES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def generation_tables(result: dict[str, Any]) -> str:
    """Markdown of `generation.py`'s result."""
    settings = result["settings"]
    comparison = _table(
        ("grid", "guidance", "wavefront steps", "raster steps", "wavefront", "raster", "raster / wavefront"),
        [
            (
                _grid(row["grid"]),
                "yes" if row["guidance"] else "no",
                row["steps"]["wavefront"],
                row["steps"]["raster"],
                _seconds(row["seconds"]["wavefront"]["median"]),
                _seconds(row["seconds"]["raster"]["median"]),
                f"{row['ratio']:.1f}",
            )
            for row in result["comparison"]
        ],
    )
    growth = _table(
        ("grid", "tokens", "steps", "wavefront"),
        [
            (_grid(row["grid"]), row["tokens"], row["steps"], _seconds(row["seconds"]["median"]))
            for row in result["growth"]["rows"]
        ],
    )
    return "\n\n".join(
        (
            _machine(result["machine"]),
            f"One video, decoder of {settings['layers']} x {settings['hidden_size']} (layers x width), float32, "
            f"random weights; medians of {settings['repetitions']} runs. In float64 both orders gave the same tokens "
            "in every row.",
            comparison,
            growth,
            f"Fitted to these rows, the time grows as frames to the power {result['growth']['exponent']:.2f}.",
        )
    )


def training_step_tables(result: dict[str, Any]) -> str:
    """Markdown of `training_step.py`'s result."""
    settings = result["settings"]
    rows = [
        (
            f"`{row['backend']}`" if row["backend"] != "default" else f"the default, `{row['runs_as']}`",
            _seconds(row["seconds"]["median"]),
            f"{row['tokens_per_second']:,.0f}",
            f"{row['peak_memory'] / MIB:,.0f} MiB",
            f"{(row['peak_memory'] - row['peak_memory_before']) / MIB:,.0f} MiB",
        )
        for row in result["backends"]
    ]
    return "\n\n".join(
        (
            _machine(result["machine"]),
            f"Clips of {_grid(settings['grid'])} tokens, {settings['clips']} a step; decoder of "
            f"{settings['layers']} x {settings['hidden_size']} (layers x width), "
            f"{settings['parameters'] / 1e6:.1f} M weights in all, float32; "
            f"medians of {settings['repetitions']} steps.",
            _table(("self-attention", "one step", "tokens/s", "peak memory", "of it above the loaded model"), rows),
        )
    )


def against_nuwa_pytorch_tables(result: dict[str, Any]) -> str:
    """Markdown of `against_nuwa_pytorch.py`'s result."""
    settings = result["settings"]
    rows = [
        (
            row["case"],
            _seconds(row["seconds"]["median"]),
            f"{row['tokens_per_second']:,.0f}",
            f"{row['ratio']:.1f}",
            f"{(row['peak_memory'] - row['peak_memory_before']) / MIB:,.0f} MiB",
        )
        for row in result["cases"]
    ]
    counts = " and ".join(f"{count / 1e6:.1f} M ({name})" for name, count in settings["parameters"].items())
    return "\n\n".join(
        (
            _machine(result["machine"]),
            f"Clips of {_grid(settings['grid'])} tokens, {settings['clips']} a step; decoders of "
            f"{settings['layers']} x {settings['hidden_size']} (layers x width), weights {counts}; "
            f"float32; medians of {settings['repetitions']} steps.",
            _table(
                ("package", "one step", "tokens/s", "times the first", "peak memory above the loaded model"),
                rows,
            ),
        )
    )


def training_run_tables(result: dict[str, Any]) -> str:
    """Markdown of `training_run.py`'s result."""
    seconds = statistics.median(result["checkpoint_seconds"])
    rows = [
        ("tokens/s", f"{result['tokens_per_second']:,.0f}"),
        ("share of a step spent waiting for data", f"{result['data_share']:.2%}"),
        ("a checkpoint, written and moved into place", _seconds(seconds)),
        ("its size", f"{result['checkpoint_bytes'] / MIB:,.0f} MiB"),
    ]
    return "\n\n".join(
        (
            _machine(result["machine"]),
            f"Medians over {result['settings']['steps']} steps and {len(result['checkpoint_seconds'])} checkpoints.",
            _table(("what", "measured"), rows),
        )
    )


def start_up_tables(result: dict[str, Any]) -> str:
    """Markdown of `start_up.py`'s result."""
    settings, seconds, memory = result["settings"], result["seconds"], result["peak_memory"]
    rows = [
        ("the command, from start to exit, GIF and MP4 written", "command"),
        ("`import torch`", "import_torch"),
        ("`import nuwa_hf` beyond that", "import"),
        ("`nuwa_hf.NuwaTextToVideoPipeline` for the first time: transformers, diffusers", "pipeline_class"),
        ("`NuwaTextToVideoPipeline.from_pretrained`", "load"),
        ("first video of a process", "first_video"),
        ("each next video", "next_video"),
    ]
    cells = [
        (words, _seconds(part["median"]), f"{_seconds(part['min'])} to {_seconds(part['max'])}")
        for words, part in ((words, seconds[name]) for words, name in rows)
    ]
    return "\n\n".join(
        (
            _machine(result["machine"]),
            f"Checkpoint: {settings['checkpoint']}, {settings['parameters'] / 1e6:.1f} M weights of the transformer, "
            f"{settings['checkpoint_bytes'] / 1e6:.1f} MB on disk; videos of {_grid(settings['grid'])} tokens in "
            f"{settings['steps']} steps, guidance {settings['guidance_scale']:g}. Medians of "
            f"{settings['repetitions']} fresh processes.",
            _table(("what", "median", "range"), cells),
            f"Peak memory: {memory['command'] / MIB:,.0f} MiB for the command, {memory['process'] / MIB:,.0f} MiB "
            "for a process that makes several videos.",
        )
    )


def quantization_tables(result: dict[str, Any]) -> str:
    """Markdown of `quantization.py`'s result."""
    settings, checkpoint, wide = result["settings"], result["checkpoint"], result["wide"]
    trained = [
        (
            row["precision"],
            f"{row['weight_bytes'] / 1e6:.1f} MB",
            f"{row['nats_per_token']:.4f}",
            f"{row['difference']:+.4f} ± {row['difference_standard_error']:.4f}",
            f"{row['equal_tokens']:.1%}",
            _seconds(row["seconds"]["median"]),
        )
        for row in checkpoint["rows"]
    ]
    untrained = [
        (row["precision"], f"{row['weight_bytes'] / 1e6:,.0f} MB", _seconds(row["seconds"]["median"]))
        for row in wide["rows"]
    ]
    return "\n\n".join(
        (
            _machine(result["machine"]),
            f"Checkpoint: {settings['checkpoint']}; {settings['clips']} clips of {_grid(checkpoint['grid'])} tokens, "
            f"{settings['videos']} samples; medians of {settings['repetitions']} videos.",
            _table(
                ("weights", "size", "nats per token", "above the first", "tokens as the first", "one video"), trained
            ),
            f"Random weights: decoder of {wide['layers']} x {wide['hidden_size']} (layers x width), "
            f"{wide['codebook_size']} codes; one video of {_grid(wide['grid'])} tokens, medians of "
            f"{settings['repetitions']}.",
            _table(("weights", "size", "one video"), untrained),
        )
    )


TABLES = {
    "generation": generation_tables,
    "training_step": training_step_tables,
    "training_run": training_run_tables,
    "against_nuwa_pytorch": against_nuwa_pytorch_tables,
    "start_up": start_up_tables,
    "quantization": quantization_tables,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Fill the page.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", metavar="DIR")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md", metavar="FILE")
    arguments = parser.parse_args(argv)
    results = read_results(arguments.results)
    page = arguments.page.read_text(encoding="utf-8")
    arguments.page.write_text(fill_page(page, results), encoding="utf-8")
    print(f"{arguments.page}: {', '.join(results) or 'no results, nothing changed'}")


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"Machine: {machine['cpu']}; cores: {machine['cores']}, threads: {machine['threads']}; "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB memory, {machine['system']}, Python {machine['python']}, torch "
        f"{machine['torch']}; load before the run {machine['load']:.1f}."
    )


def _grid(grid: Sequence[int]) -> str:
    return " x ".join(str(extent) for extent in grid)


def _seconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s"


if __name__ == "__main__":
    main()
