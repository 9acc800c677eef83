# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The plot of the paper's sizes: where the seconds of a picture and of a video go, precision by precision."""

from typing import Any

from matplotlib.figure import Figure

from benchmarks.report.formatting import seconds
from benchmarks.report.plot_style import BLUE, GREEN, GREY, ORANGE, SKY, VERMILION, bar_places, finish_bars


# Parts of a call to their names and colours, in the order of the call; sampling is a part of the waves.
PARTS = {
    "set_up": ("set-up", GREY),
    "text": ("text", GREEN),
    "floor": ("waves: the floor", BLUE),
    "waves": ("waves: all else", SKY),
    "codec": ("codec", ORANGE),
    "rest": ("rest", VERMILION),
}


def paper_size_plot(result: dict[str, Any]) -> Figure:
    """One panel for each size, output, batch and guidance, one bar for each precision."""
    panels: dict[tuple, list[dict[str, Any]]] = {}
    for row in result["cases"]:
        panels.setdefault((row["preset"], row["output"], row["batch_size"], row["guidance"]), []).append(row)
    height = 1.2 + sum(0.5 + 0.42 * len(rows) for rows in panels.values())
    figure = Figure(figsize=(9.0, height), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.05, 1, 0.95))
    all_axes = figure.subplots(len(panels), 1, height_ratios=[len(rows) for rows in panels.values()], squeeze=False)
    for axes, ((preset, output, batch_size, has_guidance), rows) in zip(all_axes[:, 0], panels.items(), strict=True):
        places, starts = bar_places([len(rows)]), [0.0] * len(rows)
        for part, (_, colour) in PARTS.items():
            lengths = [_length(row, part) for row in rows]
            axes.barh(places, lengths, left=starts, color=colour)
            starts = [start + length for start, length in zip(starts, lengths, strict=True)]
        totals = [row["seconds"]["total"]["median"] for row in rows]
        names = ["/".join(dict.fromkeys((row["transformer"], row["codec"]))) for row in rows]
        finish_bars(axes, places, names, totals, [seconds(total) for total in totals], is_log=False)
        batch = f", batch {batch_size}" if batch_size > 1 else ""
        axes.set(title=f"{preset}, {output}{batch}, {'guided' if has_guidance else 'unguided'}")
    all_axes[-1, 0].set(xlabel="seconds")
    handles = [all_axes[0, 0].barh([0], [0], color=colour, label=name) for name, colour in PARTS.values()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(PARTS), fontsize=9)
    return figure


def _length(row: dict[str, Any], part: str) -> float:
    if part == "floor":
        return row["floors"]["seconds"]
    return row["seconds"][part]["median"] - (row["floors"]["seconds"] if part == "waves" else 0)
