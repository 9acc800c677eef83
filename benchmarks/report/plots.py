# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""From the benchmarks' JSON files to the plots of docs/benchmarks.md.

    python -m benchmarks.report.plots --results benchmarks/results --output docs/images/benchmarks

The same JSON gives the same bytes.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report.comparison_tables import WORDS, name_of_training_case
from benchmarks.report.formatting import MIB, seconds
from benchmarks.report.formatting import grid as grid_words
from benchmarks.report.report import ROOT, read_results


try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from benchmarks.report.paper_size_plot import paper_size_plot
    from benchmarks.report.plot_style import (
        BLUE,
        COLOURS,
        GREEN,
        GREY,
        ORANGE,
        SKY,
        STYLE,
        VERMILION,
        bar_places,
        finish_bars,
        plain_ticks,
    )
    from benchmarks.report.quantization_plot import quantization_plot
    from benchmarks.report.streaming_plot import streaming_plot
except ModuleNotFoundError as error:
    raise RuntimeError('plots need matplotlib; run `pip install -c constraints.txt -e ".[benchmarks]"`.') from error


WIDTH, DPI = 9.0, 150  # inches; shown at about 900 pixels


def draw_plots(results: dict[str, dict[str, Any]], output: Path) -> list[Path]:
    """Draw what has a plot.

    Args:
        results (`dict`): benchmark to its result.
        output (`Path`): the folder, made if it is not there.

    Returns:
        `list[Path]`: the files.
    """
    output.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in (name for name in PLOTS if name in results):
        path = output / f"{name}.png"
        with rc_context(STYLE):
            figure = PLOTS[name](results[name])
            figure.text(0.01, 0.01, _caption(results[name]["machine"]), fontsize=7, color="#555555")
            # Without the version of matplotlib, so that only a change of the plot changes the file.
            figure.savefig(path, dpi=DPI, metadata={"Software": None})
        paths.append(path)
    return paths


def generation_plot(result: dict[str, Any]) -> Figure:
    """Time against tokens with the fitted lines, and times at equal grids."""
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.04, 1, 0.96))
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    _draw_growth(left, result)
    rows = [(row, case) for row in result["comparison"] for case in row["cases"]]
    names = [
        f"{grid_words(row['grid'])}\n{'guided' if row['guidance'] else 'unguided'}"
        if case == list(row["cases"])[len(row["cases"]) // 2]
        else ""
        for row, case in rows
    ]
    found = [row["cases"][case] for row, case in rows]
    medians = [case.get("whole_seconds", case["seconds"])["median"] for case in found]
    is_estimated = ["timed_steps" in case and "whole_seconds" not in case for case in found]
    places = bar_places([len(row["cases"]) for row in result["comparison"]])
    bars = right.barh(places, medians, color=[COLOURS[case] for _, case in rows])
    for bar, hatched in zip(bars, is_estimated, strict=True):
        bar.set(hatch="///" if hatched else None, edgecolor="white", linewidth=0)
    finish_bars(right, places, names, medians, [seconds(value) for value in medians], is_log=True)
    right.set(xlabel="seconds", title="One video" + (" (hatched: estimated from some steps)" * any(is_estimated)))
    cases = result["settings"]["cases"]
    handles = [Patch(color=COLOURS[case], label=WORDS[case]) for case in cases]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(cases))
    return figure


def _draw_growth(axes: Axes, result: dict[str, Any]) -> None:
    """Points and fitted lines: open and dashed for the first size of a frame, filled and solid for the next."""
    growth = result["growth"]
    sides = list(dict.fromkeys(tuple(row["grid"][1:]) for row in growth["rows"]))
    for case in growth["exponents"]:
        for number, side in enumerate(sides):
            rows = [row for row in growth["rows"] if row["case"] == case and tuple(row["grid"][1:]) == side]
            if not rows:
                continue
            tokens = np.array([row["tokens"] for row in rows])
            medians = np.array([row["seconds"]["median"] for row in rows])
            colour, is_last = COLOURS[case], number > 0
            axes.plot(tokens, medians, "s" if is_last else "o", color=colour, mfc=colour if is_last else "white", ms=5)
            exponent = growth["exponents"][case].get("x".join(map(str, side)))
            if exponent is not None:
                # The line of least squares goes through the mean of the logarithms.
                level = np.exp(np.log(medians).mean() - exponent * np.log(tokens).mean())
                axes.plot(
                    tokens, level * tokens**exponent, "-" if is_last else "--", color=colour, linewidth=1, zorder=1
                )
                axes.annotate(
                    f"$p$ = {exponent:.2f}",
                    (tokens[-1 if is_last else 0], medians[-1 if is_last else 0]),
                    (0, 9) if is_last else (6, -13),
                    textcoords="offset points",
                    ha="right" if is_last else "left",
                    fontsize=9,
                    color=colour,
                )
    axes.set(xscale="log", yscale="log", xlabel="tokens", ylabel="seconds", title="seconds ~ tokens$^p$")
    ticks = sorted({row["tokens"] for row in growth["rows"]})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.margins(x=0.08, y=0.12)
    plain_ticks(axes.yaxis)
    axes.grid(color="#EEEEEE")
    axes.set_axisbelow(True)
    handles = [
        Line2D([], [], color="#555555", marker=marker, mfc=face, ms=5, linewidth=1, linestyle=line)
        for marker, face, line in (("o", "white", "--"), ("s", "#555555", "-"))
    ]
    axes.legend(handles[: len(sides)], [f"frames of {grid_words(side)}" for side in sides], fontsize=9, loc="best")


def training_step_plot(result: dict[str, Any]) -> Figure:
    """Time of a step and peak memory of each case."""
    rows = result["cases"]
    figure = Figure(figsize=(WIDTH, 1.5 + 0.33 * len(rows)), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.06, 1, 0.94))
    left, right = figure.subplots(1, 2)
    places = bar_places([len(rows)])
    names = [name_of_training_case(row) for row in rows]
    colours = [COLOURS.get(row["case"], BLUE) for row in rows]
    medians = [row["seconds"]["median"] for row in rows]
    left.barh(places, medians, color=colours)
    finish_bars(left, places, names, medians, [seconds(value) for value in medians], is_log=True)
    left.set(xlabel="seconds", title="One training step")
    before = [row["peak_memory_before"] / MIB for row in rows]
    after = [row["peak_memory"] / MIB for row in rows]
    right.barh(places, before, color=GREY)
    right.barh(places, np.subtract(after, before), left=before, color=colours)
    finish_bars(right, places, [""] * len(rows), after, [f"{value:,.0f}" for value in after], is_log=False)
    right.set(xlabel="MiB", title="Peak memory (grey: of it the loaded model)")
    return figure


def vqgan_plot(result: dict[str, Any]) -> Figure:
    """Images a second of each codec, direction, batch and way."""
    codecs = list(dict.fromkeys((row["codec"], row["size"]) for row in result["rows"]))
    ways = list(dict.fromkeys(row["way"] for row in result["rows"]))
    figure = Figure(figsize=(WIDTH, 1.0 + 2.1 * len(codecs)), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.03, 1, 0.97))
    panels = figure.subplots(len(codecs), 2, squeeze=False)
    for line, (codec, size) in zip(panels, codecs, strict=True):
        for axes, direction in zip(line, ("encode", "decode"), strict=True):
            rows = [row for row in result["rows"] if row["codec"] == codec and row["direction"] == direction]
            batches = list(dict.fromkeys(row["batch_size"] for row in rows))
            places = bar_places([len(ways)] * len(batches))
            rates = [row["images_per_second"] for row in rows]
            axes.barh(places, rates, color=[COLOURS[row["way"]] for row in rows])
            words = [f"{rate:.2f}" if rate < 10 else f"{rate:,.0f}" for rate in rates]
            names = [
                f"batch {batch}" if number == len(ways) // 2 else ""
                for batch in batches
                for number in range(len(ways))
            ]
            finish_bars(axes, places, names, rates, words, is_log=False)
            axes.set(title=f"{WORDS[codec]}, {size} px: {direction}")
    for axes in panels[-1]:
        axes.set(xlabel="images / s")
    handles = [Patch(color=COLOURS[way], label=way) for way in ways]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(ways))
    return figure


def start_up_plot(result: dict[str, Any]) -> Figure:
    """The commands as wholes, and what else was timed stacked on each other, in the order of the JSON file."""
    parts = {
        name: part["median"] for name, part in result["seconds"].items() if isinstance(part, dict) and "median" in part
    }
    wholes = {name: value for name, value in parts.items() if name.startswith("command")}
    stacked = {name: value for name, value in parts.items() if name not in wholes}
    names = [*(name.replace("_", " ") for name in wholes), *(["in Python"] if stacked else [])]
    totals = [*wholes.values(), *([sum(stacked.values())] if stacked else [])]
    figure = Figure(figsize=(WIDTH, 1.5 + 0.4 * len(names)), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.08, 1, 0.92))
    axes = figure.subplots()
    places = bar_places([len(names)])
    axes.barh(places[: len(wholes)], list(wholes.values()), color=GREY)
    start = 0.0
    for (name, value), colour in zip(stacked.items(), _repeated_colours(len(stacked)), strict=True):
        label = f"{name.replace('_', ' ')}, {seconds(value)}"
        axes.barh(places[len(wholes) :], [value], left=start, color=colour, label=label)
        start += value
    finish_bars(axes, places, names, totals, [seconds(value) for value in totals], is_log=False)
    axes.set(xlabel="seconds")
    if stacked:
        figure.legend(loc="outside upper center", ncols=min(4, len(stacked)), fontsize=9)
    return figure


PLOTS = {
    "generation": generation_plot,
    "training_step": training_step_plot,
    "vqgan": vqgan_plot,
    "paper_size": paper_size_plot,
    "quantization": quantization_plot,
    "streaming": streaming_plot,
    "start_up": start_up_plot,
}


def _repeated_colours(count: int) -> list[str]:
    colours = (BLUE, ORANGE, GREEN, SKY, VERMILION, GREY)
    return [colours[number % len(colours)] for number in range(count)]


def _caption(machine: dict[str, Any]) -> str:
    device = machine.get("device", "cpu")
    return (
        f"{device + ', ' if device != 'cpu' else ''}{machine['cpu']}, threads: {machine['threads']}, "
        f"torch {machine['torch']}; medians"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the plots of a folder of results.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", metavar="DIR")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / "benchmarks", metavar="DIR")
    arguments = parser.parse_args(argv)
    for path in draw_plots(read_results(arguments.results), arguments.output):
        print(path)


if __name__ == "__main__":
    main()
