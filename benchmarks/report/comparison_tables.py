# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Markdown of the benchmarks that compare ways to do the same: generation, training step, VQ-GAN."""

from typing import Any

from benchmarks.report.formatting import grid, machine, memory, seconds, table


WORDS = {
    "wavefront": "wavefront",
    "raster": "raster",
    "nuwa_pytorch": "nuwa-pytorch",
    "nuwa_pytorch_compiled": "nuwa-pytorch, compiled",
    "compiled_feed_forward": "default, feed-forward compiled",
    "embedded": "embedded",
    "f16": "paper's f16",
}


def generation_tables(result: dict[str, Any]) -> str:
    """Markdown of `generation.py`'s result."""
    settings, cases = result["settings"], result["settings"]["cases"]
    first = WORDS[cases[0]]
    comparison = table(
        (
            "grid",
            "guidance",
            f"steps of {first}",
            *(WORDS[case] for case in cases),
            *(f"{WORDS[case]} / {first}" for case in cases[1:]),
        ),
        [
            (
                grid(row["grid"]),
                "yes" if row["guidance"] else "no",
                row["cases"][cases[0]]["steps"],
                *(_time_of_case(row["cases"][case]) for case in cases),
                *(_times(row["cases"][case]["ratio"]) for case in cases[1:]),
            )
            for row in result["comparison"]
        ],
    )
    parts = [
        machine(result["machine"]),
        f"One video, decoder of {settings['layers']} x {settings['hidden_size']} (layers x width), window "
        f"{grid(settings['window'])}, {settings['codebook_size']} codes, float32, random weights; medians of "
        f"{settings['repetitions']} runs"
        + (f", of {settings['nuwa_pytorch_repetitions']} for nuwa-pytorch" if "nuwa_pytorch" in cases else "")
        + ". In float64 both orders of this package gave the same tokens in every row.",
        comparison,
    ]
    if result["growth"]["rows"]:
        parts += ["Time against tokens, without guidance:", _growth(result), *_exponents(result)]
    return "\n\n".join(parts)


def _time_of_case(case: dict[str, Any]) -> str:
    """The median, and for nuwa-pytorch whether it was measured or estimated."""
    median = seconds(case["seconds"]["median"])
    if "timed_steps" not in case:
        return median
    estimated = f"{median} estimated from {case['timed_steps']} of {case['steps']} steps"
    if "whole_seconds" not in case:
        return estimated
    return f"{seconds(case['whole_seconds']['median'])} measured; {estimated}"


def _growth(result: dict[str, Any]) -> str:
    cases, rows = result["settings"]["cases"], result["growth"]["rows"]
    cells = {(row["case"], tuple(row["grid"])): _time_of_case(row) for row in rows}
    grids = dict.fromkeys((tuple(row["grid"]), row["tokens"]) for row in rows)
    return table(
        ("grid", "tokens", *(WORDS[case] for case in cases)),
        [(grid(extents), tokens, *(cells.get((case, extents), "") for case in cases)) for extents, tokens in grids],
    )


def _exponents(result: dict[str, Any]) -> list[str]:
    exponents = result["growth"]["exponents"]
    sides = list(dict.fromkeys(side for fitted in exponents.values() for side in fitted))
    if not sides:
        return []
    return [
        "The exponent p of seconds ~ tokens^p, fitted to these rows, where videos grow in frames:",
        table(
            ("", *(f"frames of {side.replace('x', ' x ')}" for side in sides)),
            [
                (WORDS[case], *(f"{fitted[side]:.2f}" if side in fitted else "" for side in sides))
                for case, fitted in exponents.items()
            ],
        ),
    ]


def training_step_tables(result: dict[str, Any]) -> str:
    """Markdown of `training_step.py`'s result."""
    settings = result["settings"]
    rows = [
        (
            name_of_training_case(row),
            seconds(row["seconds"]["median"]),
            f"{row['tokens_per_second']:,.0f}",
            _times(row["ratio"]),
            memory(row["peak_memory"]),
            memory(row["peak_memory"] - row["peak_memory_before"]),
        )
        for row in result["cases"]
    ]
    counts = " and ".join(f"{count / 1e6:.1f} M ({name})" for name, count in settings["parameters"].items())
    return "\n\n".join(
        (
            machine(result["machine"]),
            f"Clips of {grid(settings['grid'])} tokens, {settings['clips']} a step; decoder of "
            f"{settings['layers']} x {settings['hidden_size']} (layers x width), weights in all: {counts}; float32; "
            f"medians of {settings['repetitions']} steps.",
            table(
                ("case", "one step", "tokens/s", "times the first", "peak memory", "of it above the loaded model"),
                rows,
            ),
        )
    )


def name_of_training_case(row: dict[str, Any]) -> str:
    """A row's case in words: nuwa-pytorch, or the backend of this package's self-attention."""
    if row["case"] == "default":
        return f"default, {row['runs_as']}"
    return WORDS.get(row["case"], row["case"])


def vqgan_tables(result: dict[str, Any]) -> str:
    """Markdown of `vqgan.py`'s result."""
    cases: dict[tuple, dict[str, dict[str, Any]]] = {}
    for row in result["rows"]:
        key = (row["codec"], row["size"], row["batch_size"], row["way"])
        cases.setdefault(key, {})[row["direction"]] = row
    rows = []
    for (codec, size, batch_size, way), by_direction in cases.items():
        encode, decode = by_direction["encode"], by_direction["decode"]
        rows.append(
            (
                f"{WORDS[codec]}, {size} px",
                batch_size,
                way,
                _rate(encode["images_per_second"]),
                f"{encode['agreement']:.1%}",
                memory(encode["peak_memory"]),
                _rate(decode["images_per_second"]),
                f"{decode['agreement']:.1g}",
                memory(decode["peak_memory"]),
            )
        )
    repetitions = ", ".join(
        f"{chosen['repetitions']} ({WORDS[codec]})" for codec, chosen in result["settings"]["codecs"].items()
    )
    header = (
        "codec",
        "batch",
        "weights and activations",
        "encode, images/s",
        "tokens as in float32",
        "peak memory",
        "decode, images/s",
        "largest difference of a pixel",
        "peak memory",
    )
    return "\n\n".join(
        (machine(result["machine"]), f"Medians of runs: {repetitions}. Pixels are in [-1, 1].", table(header, rows))
    )


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 100 else f"{ratio:,.0f}"


def _rate(rate: float) -> str:
    return f"{rate:.2f}" if rate < 10 else f"{rate:,.0f}"
