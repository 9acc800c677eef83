# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""From the benchmarks' JSON files to the tables and plots of docs/benchmarks.md.

    python -m benchmarks.report.report --results benchmarks/results --page docs/benchmarks.md

Each table is between `<!-- NAME:start -->` and `<!-- NAME:end -->`; one without a JSON file is not changed. Plots are
drawn by `plots.py`, into `images/benchmarks` beside the page, and need `pip install -e ".[benchmarks]"`.
"""

import argparse
import json
import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.minutes.tables import equal_minutes_tables
from benchmarks.prediction.tables import video_prediction_tables
from benchmarks.report.batch_tables import batch_tables
from benchmarks.report.comparison_tables import generation_tables, training_step_tables, vqgan_tables
from benchmarks.report.formatting import MIB, grid, machine, memory, seconds, table
from benchmarks.report.paper_size_tables import paper_size_tables
from benchmarks.report.streaming_tables import streaming_tables


ROOT = Path(__file__).parents[2]


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
    aside = path.with_suffix(".partial")  # a result may hold rows of other days
    aside.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    aside.replace(path)
    print(f"{TABLES[name](result)}\n\n{path}")
    return path


def fill_page(
    page: str, results: dict[str, dict[str, Any]], tables: dict[str, Callable[[dict[str, Any]], str]] | None = None
) -> str:
    """Put tables between their markers.

    Args:
        page (`str`): the page's text.
        results (`dict`): benchmark to its result.
        tables (`dict`, *optional*): benchmark to what makes its tables; by default `TABLES`.

    Returns:
        `str`: the new text.

    Raises:
        ValueError: If a result's markers are missing.
    """
    for name, result in results.items():
        markers = re.compile(rf"(<!-- {name}:start -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
        if not markers.search(page):
            raise ValueError(f"the page must hold <!-- {name}:start --> and <!-- {name}:end -->; add both.")
        table = (tables or TABLES)[name](result)
        page = markers.sub(lambda match, table=table: f"{match[1]}{table}\n{match[2]}", page)
    return page


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """The results in a folder, by benchmark; those that are missing are left out."""
    paths = {name: folder / f"{name}.json" for name in TABLES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def training_run_tables(result: dict[str, Any]) -> str:
    """Markdown of `training_run.py`'s result."""
    checkpoint_seconds = statistics.median(result["checkpoint_seconds"])
    rows = [
        ("tokens/s", f"{result['tokens_per_second']:,.0f}"),
        ("share of a step spent waiting for data", f"{result['data_share']:.2%}"),
        ("a checkpoint, written and moved into place", seconds(checkpoint_seconds)),
        ("its size", f"{result['checkpoint_bytes'] / MIB:,.0f} MiB"),
    ]
    return "\n\n".join(
        (
            machine(result["machine"]),
            f"Medians over {result['settings']['steps']} steps and {len(result['checkpoint_seconds'])} checkpoints.",
            table(("what", "measured"), rows),
        )
    )


def token_memory_tables(result: dict[str, Any]) -> str:
    """Markdown of `token_memory.py`'s result."""
    settings = result["settings"]

    def cells(measured: dict[str, Any]) -> list[str]:
        anonymous = measured["anonymous"] - measured["anonymous_before"]
        return [memory(measured["peak"]), memory(measured["peak"] - measured["before"]), memory(anonymous)]

    rows = [
        (
            f"{row['tokens'] / 1e6:g} million",
            f"{row['clips']:,}",
            f"{row['bytes'] / 1e6:,.1f} MB",
            *cells(row["rows"]),
            f"{row['rows']['rows_per_second']['median']:,.0f}",
            *cells(row["whole"]),
        )
        for row in result["rows"]
    ]
    header = ["tokens", "clips", "on disk", "peak, resident", "of it for the data", "anonymous", "rows a second"]
    header += ["held in memory: peak, resident", "of it for the data", "anonymous"]
    return "\n\n".join(
        (
            machine(result["machine"]),
            f"Clips of {grid(settings['grid'])} tokens in shards of {settings['clips_per_shard']:,}, "
            f"{settings['held_out']:.0%} held out, {settings['batches']} batches of "
            f"{sum(settings['counts'].values())} rows ({', '.join(settings['counts'])}); medians over the batches.",
            table(header, rows),
        )
    )


def start_up_tables(result: dict[str, Any]) -> str:
    """Markdown of `start_up.py`'s result."""
    settings, times, memory = result["settings"], result["seconds"], result["peak_memory"]
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
        (words, seconds(part["median"]), f"{seconds(part['min'])} to {seconds(part['max'])}")
        for words, part in ((words, times[name]) for words, name in rows)
    ]
    return "\n\n".join(
        (
            machine(result["machine"]),
            f"Checkpoint: {settings['checkpoint']}, {settings['parameters'] / 1e6:.1f} M weights of the transformer, "
            f"{settings['checkpoint_bytes'] / 1e6:.1f} MB on disk; videos of {grid(settings['grid'])} tokens in "
            f"{settings['steps']} steps, guidance {settings['guidance_scale']:g}. Medians of "
            f"{settings['repetitions']} fresh processes.",
            table(("what", "median", "range"), cells),
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
            seconds(row["seconds"]["median"]),
        )
        for row in checkpoint["rows"]
    ]
    untrained = [
        (row["precision"], f"{row['weight_bytes'] / 1e6:,.0f} MB", seconds(row["seconds"]["median"]))
        for row in wide["rows"]
    ]
    return "\n\n".join(
        (
            machine(result["machine"]),
            f"Checkpoint: {settings['checkpoint']}; {settings['clips']} clips of {grid(checkpoint['grid'])} tokens, "
            f"{settings['videos']} samples; medians of {settings['repetitions']} videos.",
            table(
                ("weights", "size", "nats per token", "above the first", "tokens as the first", "one video"), trained
            ),
            f"Random weights: decoder of {wide['layers']} x {wide['hidden_size']} (layers x width), "
            f"{wide['codebook_size']} codes; one video of {grid(wide['grid'])} tokens, medians of "
            f"{settings['repetitions']}.",
            table(("weights", "size", "one video"), untrained),
        )
    )


def rounding_tables(result: dict[str, Any]) -> str:
    """Markdown of `rounding.py`'s result."""
    settings, parts = result["settings"], [machine(result["machine"])]
    words = {
        "checkpoint": f"Checkpoint: {settings['checkpoint']}; {settings['videos']} videos",
        "wide": f"Random weights, decoder of {settings['layers']} x {settings['hidden_size']} (layers x width); "
        f"{settings['images']} images",
    }
    for part, sentence in words.items():
        now, before = result[part], result.get("before", {}).get(part)
        drawn, likeliest = (now["seconds"][name]["median"] for name in ("drawn", "likeliest"))
        header, rows = ["beside float32", "same past", "whole samples", "samples without a change"], []
        earlier = {row["way"]: row for row in before["rows"]} if before else {}
        for row in now["rows"]:
            both = (row, earlier.get(row["way"])) if before else (row,)
            shares = (
                [f"{each[name]:.2%}" if each else "cannot" for each in both]
                for name in ("same_past", "whole", "equal_samples")
            )
            rows.append([row["way"], *(value for share in shares for value in share)])
        if before:
            header = [header[0], *(text for name in header[1:] for text in (name, "before"))]
        parts += [
            f"{sentence} of {grid(now['grid'])} tokens, {now['codebook_size']} codes. One takes {seconds(drawn)}, "
            f"with the likeliest token instead of a draw {seconds(likeliest)} (medians of {settings['repetitions']}).",
            table(header, rows),
        ]
    return "\n\n".join(parts)


def against_before_tables(result: dict[str, Any]) -> str:
    """Markdown of `against_before.py`'s result."""
    rows = [
        (
            row["case"],
            *(seconds(row[name]["median"]) for name in ("before", "after")),
            *(seconds(row[name]["min"]) for name in ("before", "after")),
            f"{row['ratio']:.3f}",
            len(row["after"]["runs"]),
        )
        for row in result["rows"]
    ]
    header = [
        "call",
        "before, median",
        "after, median",
        "before, fastest",
        "after, fastest",
        "after / before",
        "turns",
    ]
    return f"{machine(result['machine'])}\n\n{table(header, rows)}"


TABLES = {
    "generation": generation_tables,
    "training_step": training_step_tables,
    "training_run": training_run_tables,
    "token_memory": token_memory_tables,
    "vqgan": vqgan_tables,
    "paper_size": paper_size_tables,
    "batches": batch_tables,
    "streaming": streaming_tables,
    "start_up": start_up_tables,
    "quantization": quantization_tables,
    "rounding": rounding_tables,
    "against_before": against_before_tables,
    "equal_minutes": equal_minutes_tables,
    "video_prediction": video_prediction_tables,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Fill the page and draw its plots.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Raises:
        RuntimeError: If matplotlib is not installed.
        ValueError: If a result's markers are missing.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", metavar="DIR")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md", metavar="FILE")
    arguments = parser.parse_args(argv)
    from benchmarks.report.plots import draw_plots  # the benchmarks themselves need no matplotlib

    results = read_results(arguments.results)
    page = arguments.page.read_text(encoding="utf-8")
    arguments.page.write_text(fill_page(page, results), encoding="utf-8")
    for path in draw_plots(results, arguments.page.parent / "images" / "benchmarks"):
        print(path)
    print(f"{arguments.page}: {', '.join(results) or 'no results, nothing changed'}")


if __name__ == "__main__":
    main()
