# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The plot of a stream: resident memory against frames, and the gaps between them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.report.formatting import MIB
from benchmarks.report.plot_style import BLUE, ORANGE, plain_ticks


def streaming_plot(result: dict[str, Any]) -> Figure:
    """Memory on the left, on the right how many gaps are how long."""
    figure = Figure(figsize=(9.0, 3.2), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.06, 1, 0.94))
    left, right = figure.subplots(1, 2)
    gaps = {way: 1000 * np.array(row["gaps"]["seconds"]) for way, row in result["ways"].items()}
    together = np.concatenate(list(gaps.values()))
    edges = np.geomspace(together.min() / 1.05, together.max() * 1.05, 40)
    for (way, row), colour in zip(result["ways"].items(), (BLUE, ORANGE), strict=True):
        memory = row["memory"]
        resident = np.array(memory["resident"]) / MIB
        left.plot(memory["frames"], resident, "o-", color=colour, ms=3, linewidth=1, label=way)
        right.hist(gaps[way], edges, histtype="step", color=colour, label=way)
    left.set(
        xlabel="frame",
        ylabel="MiB",
        title="Resident memory",
        ylim=(0, 1.15 * max(max(row["memory"]["resident"]) for row in result["ways"].values()) / MIB),
    )
    right.set(
        xscale="log", xlim=(edges[0], edges[-1]), xlabel="milliseconds", ylabel="gaps", title="Between two frames"
    )
    plain_ticks(right.xaxis)
    left.legend(fontsize=9, loc="lower right")
    return figure
