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
from benchmarks.minutes.contender import SIZES, snapshot_folders
from benchmarks.minutes.judging import read_clips
from benchmarks.minutes.rows import Plan
from benchmarks.minutes.sets import SETS
from benchmarks.report.plot_style import BLUE, GREEN, ORANGE, STYLE, VERMILION


COLOURS = {"nuwa_hf": BLUE, "nuwa_pytorch": VERMILION, "diffusion": GREEN, "gpt2": ORANGE}
CLIPS_PER_SET = 2
TEXT_HEIGHT, TEXT_WIDTH = 14, 96  # pixels


def draw_curves(result: dict[str, Any], path: Path) -> None:
    """Plot the share of clips with the right digits and motions against minutes of training, a panel for each set.

    Args:
        result (`dict`): as `collect` gives it.
        path (`Path`): of the PNG.
    """
    import matplotlib.pyplot as plt

    groups: dict[tuple[str, float], dict[float, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in result["rows"]:
        for point in row["curve"]:
            groups[row["contender"], row["minutes"]][point["seconds"] / 60].append(point["scores"])
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, len(SETS), figsize=(12, 3), sharey=True, layout="constrained")
        for panel, name in zip(panels, SETS, strict=True):
            for (contender, minutes), points in groups.items():
                found = {time: [one[name] for one in scores if one] for time, scores in sorted(points.items())}
                values = [
                    statistics.mean(one["digits-and-motion"]["value"] for one in scores) if scores else 0.0
                    for scores in found.values()
                ]
                is_longest = minutes == max(key[1] for key in groups)
                style = {"color": COLOURS[contender], "linestyle": "-" if is_longest else ":", "marker": "."}
                panel.plot([0, *found], [0.0, *values], **style, label=contender if is_longest else None)
            real = result["real"][name]["digits-and-motion"]["value"]
            panel.axhline(real, color="grey", linewidth=0.8)
            panel.set(title=name, xlabel="minutes of training", ylim=(-0.03, 1.03))
        panels[0].set_ylabel("right digits and motions")
        panels[0].legend(fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120, metadata={"Software": None})
        plt.close(figure)


def side_by_side(plan: Plan, work_dir: Path, path: Path) -> None:
    """Draw the first clips of the first seed of the longest budget of each contender, under their captions.

    Args:
        plan (`Plan`): what was measured.
        work_dir (`Path`): where it is.
        path (`Path`): of the PNG.
    """
    minutes = max(budget for budget, _ in plan.budgets)
    drawn = SIZES[plan.size].drawn
    strips: list[tuple[str, np.ndarray | None]] = []
    for name in SETS:
        real = real_clips(name, CLIPS_PER_SET, drawn)
        for index in range(CLIPS_PER_SET):
            strips.append((f"{name}: {real[index]['caption']}", None))
            strips.append(("real", real[index]["video"][..., 0]))
            for row in plan.rows():
                folder = snapshot_folders(work_dir / "runs" / str(row), row.minutes)[60 * row.minutes] / "clips"
                if row.minutes == minutes and row.seed == min(one.seed for one in plan.rows()) and folder.exists():
                    strips.append((row.contender, read_clips(folder, name)[index]))
    heights = [TEXT_HEIGHT if clip is None else clip.shape[1] for _, clip in strips]
    width = TEXT_WIDTH + max(clip.shape[0] * clip.shape[2] for _, clip in strips if clip is not None)
    sheet = Image.new("L", (width, sum(heights)), 255)
    pen, top = ImageDraw.Draw(sheet), 0
    for (text, clip), height in zip(strips, heights, strict=True):
        pen.text((2, top), text, fill=0)
        if clip is not None:
            sheet.paste(Image.fromarray(np.concatenate(list(clip), axis=1)), (TEXT_WIDTH, top))
        top += height
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
