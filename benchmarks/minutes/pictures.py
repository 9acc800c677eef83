# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The plot of the scores over time, and the clips of all contenders side by side."""

import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.minutes.clips import real_clips
from benchmarks.minutes.contender import SIZES
from benchmarks.minutes.judging import CLIPS_PER_SET
from benchmarks.minutes.published_rows import CLIPS_FOLDER, row_name
from benchmarks.minutes.sets import SETS
from benchmarks.minutes.tables import by_machine
from benchmarks.report.plot_style import BLUE, GREEN, ORANGE, STYLE, VERMILION


COLOURS = {"nuwa_hf": BLUE, "nuwa_pytorch": VERMILION, "diffusion": GREEN, "gpt2": ORANGE}
TEXT_HEIGHT, TEXT_WIDTH = 14, 96  # pixels


def draw_curves(result: dict[str, Any], path: Path) -> None:
    """Plot the share of clips with the right digits and motions against minutes of training: a row for each machine, a
    panel for each set.

    Args:
        result (`dict`): as `collect` gives it.
        path (`Path`): of the PNG.
    """
    import matplotlib.pyplot as plt

    machines = by_machine(result["rows"])
    with plt.rc_context(STYLE):
        size = (12, 3 * len(machines))
        figure, panels = plt.subplots(
            len(machines), len(SETS), figsize=size, sharey=True, squeeze=False, layout="constrained"
        )
        for rows, row_of_panels in zip(machines, panels, strict=True):
            for panel, name in zip(row_of_panels, SETS, strict=True):
                _draw_curves_of(rows, name, panel)
                real = result["real"][name]["digits-and-motion"]["value"]
                panel.axhline(real, color="grey", linewidth=0.8)
                panel.set(title=name, xlabel="minutes of training", ylim=(-0.03, 1.03))
            row_of_panels[0].set_ylabel(f"right digits and motions\n{rows[0]['machine']['cpu']}")
            row_of_panels[0].legend(fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120, metadata={"Software": None})
        plt.close(figure)


def _draw_curves_of(rows: list[dict[str, Any]], name: str, panel: Any) -> None:
    longest = _longest(rows)
    groups: dict[tuple[str, float], dict[float, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for point in row["curve"]:
            groups[row["contender"], row["minutes"]][point["seconds"] / 60].append(point["scores"])
    for (contender, minutes), points in groups.items():
        found = {time: [one[name] for one in scores if one] for time, scores in sorted(points.items())}
        values = [
            statistics.mean(one["digits-and-motion"]["value"] for one in scores) if scores else 0.0
            for scores in found.values()
        ]
        is_longest = minutes == longest[contender]
        style = {"color": COLOURS[contender], "linestyle": "-" if is_longest else ":", "marker": "."}
        panel.plot([0, *found], [0.0, *values], **style, label=contender if is_longest else None)


def side_by_side(result: dict[str, Any], output: Path, path: Path) -> None:
    """Draw the first clips of each contender, under their captions: of the first seed of the longest budget of all.

    Args:
        result (`dict`): as `collect` gives it.
        output (`Path`): where it stands, with the first clips of each row.
        path (`Path`): of the PNG.
    """
    minutes = min(_longest(result["rows"]).values())
    of_budget = [row for row in result["rows"] if row["minutes"] == minutes]
    shown = [row for row in of_budget if row["seed"] == min(one["seed"] for one in of_budget)]
    paths = {row["contender"]: output / CLIPS_FOLDER / f"{row_name(row)}.png" for row in shown}
    strips = {
        contender: np.split(np.asarray(Image.open(own)), len(SETS) * CLIPS_PER_SET)
        for contender, own in paths.items()
        if own.exists()
    }
    lines: list[tuple[str, np.ndarray | None]] = []
    for place, name in enumerate(SETS):
        real = real_clips(name, CLIPS_PER_SET, SIZES[result["size"]].drawn)
        for index in range(CLIPS_PER_SET):
            lines.append((f"{name}: {real[index]['caption']}", None))
            lines.append(("real", np.concatenate(list(real[index]["video"][..., 0]), axis=1)))
            lines += [(contender, own[CLIPS_PER_SET * place + index]) for contender, own in strips.items()]
    heights = [TEXT_HEIGHT if strip is None else len(strip) for _, strip in lines]
    width = TEXT_WIDTH + max(strip.shape[1] for _, strip in lines if strip is not None)
    sheet = Image.new("L", (width, sum(heights)), 255)
    pen, top = ImageDraw.Draw(sheet), 0
    for (text, strip), height in zip(lines, heights, strict=True):
        pen.text((2, top), text, fill=0)
        if strip is not None:
            sheet.paste(Image.fromarray(strip), (TEXT_WIDTH, top))
        top += height
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _longest(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Contender to the most minutes that it was trained for."""
    longest: dict[str, float] = {}
    for row in rows:
        longest[row["contender"]] = max(row["minutes"], longest.get(row["contender"], 0.0))
    return longest
