# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Draw how training runs went, side by side: is my loss normal?

    python examples/your_data/plot_runs.py runs/vqgan runs/full docs/curves/*.jsonl --output curves.png

Each is the folder of a run, or a file of metrics such as those in docs/curves. What codecs reach on held-out frames is
on the left, in decibels. The transformer's loss is on the right, in nats a token: dotted where it was trained, a line
on held-out clips. Needs `pip install matplotlib`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure


METRICS_NAME = "metrics.jsonl"
CODEC, TRAINED, HELD_OUT = "held_out_psnr", "loss", "validation_loss_T2V"
SMOOTHED = 5  # losses in a row, of which the mean is drawn


def read_curves(path: Path) -> dict[str, list[tuple[int, float]]]:
    """The curves of a run.

    Args:
        path (`Path`): its folder, or its file of metrics.

    Returns:
        `dict[str, list[tuple[int, float]]]`: steps and values of each curve that it has.

    Raises:
        ValueError: If the folder has no metrics.
    """
    file = path / METRICS_NAME if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"`runs` must be folders of runs or files of metrics, got {str(path)!r} without {file.name}.")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found = {name: [(row["step"], row[name]) for row in rows if name in row] for name in (CODEC, TRAINED, HELD_OUT)}
    if found[CODEC]:
        found[TRAINED] = []  # a codec's loss is a sum of many terms
    return {name: curve for name, curve in found.items() if curve}


def smooth(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """The mean of each value and those just before it."""
    return [
        (step, sum(value for _, value in curve[max(0, place - SMOOTHED + 1) : place + 1]) / min(place + 1, SMOOTHED))
        for place, (step, _) in enumerate(curve)
    ]


def draw(runs: dict[str, dict[str, list[tuple[int, float]]]]) -> Figure:
    """The picture.

    Args:
        runs (`dict`): name to the curves of `read_curves`.

    Returns:
        `Figure`.
    """
    figure = Figure(figsize=(10, 4), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set(title="codec: PSNR of held-out frames", xlabel="steps", ylabel="dB")
    right.set(title="transformer: loss (dotted: of training)", xlabel="steps", ylabel="nats a token")
    for place, (name, curves) in enumerate(runs.items()):
        color = f"C{place}"
        if CODEC in curves:
            left.plot(*zip(*curves[CODEC], strict=True), color=color, label=name)
        if TRAINED in curves:
            right.plot(*zip(*smooth(curves[TRAINED]), strict=True), color=color, linestyle=":", linewidth=1)
        if HELD_OUT in curves:
            right.plot(*zip(*curves[HELD_OUT], strict=True), color=color, label=name)
    for axes in (left, right):
        if axes.lines:
            axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    right.set_ylim(bottom=0)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Read the runs and write the picture.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs, or files of metrics")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the picture, PNG or SVG")
    arguments = parser.parse_args(argv)
    runs = {path.stem if path.is_file() else path.name: read_curves(path) for path in arguments.runs}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    draw(runs).savefig(arguments.output, metadata={"Software": None} if arguments.output.suffix == ".png" else None)


if __name__ == "__main__":
    main()
