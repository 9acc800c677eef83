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


def paper_size_tables(result: dict[str, Any]) -> str:
    """Markdown of `paper_size.py`'s result."""
    settings, times, shares = result["settings"], [], []
    for row in result["cases"]:
        median = {part: values["median"] for part, values in row["seconds"].items()}
        precision = "/".join(dict.fromkeys((row["transformer"], row["codec"])))
        name = (row["preset"], row["output"], precision, row["batch_size"], "yes" if row["guidance"] else "no")
        floors = row["floors"]
        times.append(
            (
                *name,
                _seconds(median["total"]),
                _seconds(median["text"]),
                f"{_seconds(median['waves'])} ({1000 * median['waves'] / row['waves']:.1f} ms)",
                _seconds(median["codec"]),
                f"{row['share_of_floor']:.0%}",
                f"{row['peak_memory'] / MIB:,.0f} MiB",
                f"{(row['memory_before'] + row['memory_by_formula']['peak']) / MIB:,.0f} MiB",
            )
        )
        # Shares of the whole that add up to it; the first three are the waves.
        parts = {
            "the floor": floors["seconds"],
            "sampling": median["sampling"],
            "all else": median["waves"] - median["sampling"] - floors["seconds"],
            **{part: median[part] for part in ("set_up", "text", "codec", "rest")},
        }
        shares.append(
            (
                *name,
                _seconds(floors["reading_seconds"]),
                _seconds(floors["multiplying_seconds"]),
                *(f"{seconds / median['total']:.1%}" for seconds in parts.values()),
                _seconds(row["load_seconds"]),
            )
        )
    case = ("preset", "output", "precision", "batch", "guidance")
    first = {}
    for row in result["cases"]:
        first.setdefault(row["preset"], row)
    sizes = "; ".join(
        f"{preset}: weights {row['weights']['transformer'] / 1e6:,.0f} M (transformer) and "
        f"{row['weights']['codec'] / 1e6:,.0f} M (codec), pictures of {_grid(row['pixels'])} pixels"
        for preset, row in first.items()
    )
    waves = ", ".join(
        f"{count} of {_grid(grid)} tokens"
        for grid, count in dict.fromkeys((tuple(row["grid"]), row["waves"]) for row in result["cases"])
    )
    rates = "; ".join(
        f"{name} {rate / 1e9:,.0f} G operations/s"
        for name, rate in {row["transformer"]: row["floors"]["matrix_rate"] for row in result["cases"]}.items()
    )
    bandwidth = statistics.median(row["floors"]["bandwidth"] for row in result["cases"])
    return "\n\n".join(
        (
            _machine(result["machine"]),
            f"{sizes}. Waves: {waves}. Medians of {settings['repetitions']} calls. The precision is the "
            "transformer's, and behind a slash the codec's if it is another.",
            _table((*case, "total", "text", "waves (each)", "codec", "of the floor", "peak memory", "formula"), times),
            f"Floors: copying {bandwidth / 1e9:,.1f} GB/s, products in {rates}.",
            _table(
                (
                    *case,
                    *("floor: reading", "floor: products", "waves: the floor", "waves: sampling", "waves: all else"),
                    *("set-up", "text", "codec", "rest", "loading"),
                ),
                shares,
            ),
        )
    )


def streaming_tables(result: dict[str, Any]) -> str:
    """Markdown of `streaming.py`'s result."""
    settings, times, memory = result["settings"], [], []
    for way, row in result["ways"].items():
        gaps, series = row["gaps"], row["memory"]
        times.append(
            (
                way,
                _seconds(row["seconds"]["first_frame"]["median"]),
                _seconds(row["seconds"]["whole_call"]["median"]),
                f"{gaps['frames_per_second']:.1f}",
                _seconds(gaps["median"]),
                _seconds(gaps["percentile_95"]),
            )
        )
        memory.append(
            (
                way,
                f"{series['resident'][0] / MIB:,.1f} MiB",
                f"{series['resident'][-1] / MIB:,.1f} MiB",
                f"{round(series['bytes_per_frame']):+,d} bytes",
            )
        )
    first, last = (next(iter(result["ways"].values()))["memory"]["frames"][place] for place in (0, -1))
    parts = [
        _machine(result["machine"]),
        f"Checkpoint: {settings['checkpoint']}, frames of {_grid(settings['grid'][1:])} tokens, {settings['grid'][0]} "
        f"of them learnt; one video, guidance {settings['guidance_scale']:g}. First frame and whole call (of the "
        f"learnt frames): medians of {settings['repetitions']} runs. Gaps: between {settings['num_frames']} frames.",
        _table(
            ("beyond the learnt frames", "first frame", "a whole call", "frames/s", "median gap", "95th percentile"),
            times,
        ),
        _table(
            (
                "beyond the learnt frames",
                f"resident at frame {first}",
                f"at frame {last}",
                "slope, a frame",
            ),
            memory,
        ),
    ]
    if "judged" in result:
        judged = result["judged"]
        spans = [f"{span['first']} to {span['last']}" for span in next(iter(judged["ways"].values()))["spans"]]
        parts += [
            f"Share of the frames that show the right thing, {judged['num_captions']} videos of validation captions "
            "with one thing:",
            _table(
                ("beyond the learnt frames", *(f"frames {span}" for span in spans), "last frame"),
                [
                    (way, *(f"{span['share']:.3f}" for span in row["spans"]), f"{row['by_frame'][-1]:.3f}")
                    for way, row in judged["ways"].items()
                ],
            ),
        ]
    return "\n\n".join(parts)


TABLES = {
    "generation": generation_tables,
    "training_step": training_step_tables,
    "training_run": training_run_tables,
    "against_nuwa_pytorch": against_nuwa_pytorch_tables,
    "paper_size": paper_size_tables,
    "streaming": streaming_tables,
    "start_up": start_up_tables,
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
