# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The plot of an ablation: a panel for each number, a row for each variant, a dot for each seed."""

from pathlib import Path
from typing import Any

from benchmarks.ablations.report import TABLES, mean_of, variants_of


try:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from benchmarks.report.plot_style import BLUE, ORANGE, STYLE
except ModuleNotFoundError as error:
    raise RuntimeError('plots need matplotlib; run `pip install -c constraints.txt -e ".[benchmarks]"`.') from error


WIDTH, DPI = 12.0, 130


def draw_ablation(name: str, result: dict[str, Any], output: Path) -> Path:
    """Draw an ablation. The bar is the 95 % interval of the mean over seeds, the line what real clips reach.

    Args:
        name (`str`): a key of `TABLES`.
        result (`dict[str, Any]`): what `benchmarks.ablations.run` wrote.
        output (`Path`): the folder, made if it is not there.

    Returns:
        `Path`: the file.
    """
    output.mkdir(parents=True, exist_ok=True)
    variants, tables = variants_of(result), TABLES[name]
    with rc_context(STYLE):
        height = 0.8 + 0.32 * len(variants)
        figure = Figure(figsize=(WIDTH, height * len(tables)), layout="constrained")
        most = max(len(columns) for _, columns in tables)
        grid = figure.subplots(len(tables), most, sharey=True, squeeze=False)
        for (_, columns), row in zip(tables, grid, strict=True):
            for column, axes in zip(columns, row, strict=False):
                for place, runs in enumerate(variants.values()):
                    values, mean = [column.of(run) for run in runs], mean_of(column, runs)
                    if mean is None:
                        continue
                    if mean.low is not None:
                        axes.plot([mean.low, mean.high], [place, place], color=BLUE, alpha=0.35, linewidth=5)
                    axes.plot(values, [place] * len(values), "o", color=BLUE, markersize=4)
                if column.real is not None:
                    axes.axvline(result["real"][column.real]["value"], color=ORANGE, linewidth=1)
                axes.set_title(column.title, fontsize=8)
                axes.tick_params(labelsize=7)
                axes.margins(x=0.15)
            for axes in row[len(columns) :]:
                axes.set_axis_off()
        # The rows share their axis.
        grid[0, 0].set(yticks=range(len(variants)), yticklabels=variants, ylim=(len(variants) - 0.5, -0.5))
        path = output / f"{name}.png"
        figure.savefig(path, dpi=DPI, metadata={"Software": None})
    return path
