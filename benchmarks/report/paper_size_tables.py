# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tables of `paper_size.py`'s result."""

import statistics
from typing import Any

from benchmarks.report.formatting import MIB, grid, machine, seconds, table


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
                seconds(median["total"]),
                seconds(median["text"]),
                f"{seconds(median['waves'])} ({1000 * median['waves'] / row['waves']:.1f} ms)",
                seconds(median["codec"]),
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
                seconds(floors["reading_seconds"]),
                seconds(floors["multiplying_seconds"]),
                *(f"{part / median['total']:.1%}" for part in parts.values()),
                seconds(row["load_seconds"]),
            )
        )
    case = ("preset", "output", "precision", "batch", "guidance")
    first = {}
    for row in result["cases"]:
        first.setdefault(row["preset"], row)
    sizes = "; ".join(
        f"{preset}: weights {row['weights']['transformer'] / 1e6:,.0f} M (transformer) and "
        f"{row['weights']['codec'] / 1e6:,.0f} M (codec), pictures of {grid(row['pixels'])} pixels"
        for preset, row in first.items()
    )
    waves = ", ".join(
        f"{count} of {grid(extents)} tokens"
        for extents, count in dict.fromkeys((tuple(row["grid"]), row["waves"]) for row in result["cases"])
    )
    rates = "; ".join(
        f"{name} {rate / 1e9:,.0f} G operations/s"
        for name, rate in {row["transformer"]: row["floors"]["matrix_rate"] for row in result["cases"]}.items()
    )
    bandwidth = statistics.median(row["floors"]["bandwidth"] for row in result["cases"])
    return "\n\n".join(
        (
            machine(result["machine"]),
            f"{sizes}. Waves: {waves}. Medians of {settings['repetitions']} calls. The precision is the "
            "transformer's, and behind a slash the codec's if it is another.",
            table((*case, "total", "text", "waves (each)", "codec", "of the floor", "peak memory", "formula"), times),
            f"Floors: copying {bandwidth / 1e9:,.1f} GB/s, products in {rates}.",
            table(
                (
                    *case,
                    *("floor: reading", "floor: products", "waves: the floor", "waves: sampling", "waves: all else"),
                    *("set-up", "text", "codec", "rest", "loading"),
                ),
                shares,
            ),
        )
    )
