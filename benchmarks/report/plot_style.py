# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the plots have in common: colours, style, bars with their values, logarithmic axes."""

from collections.abc import Sequence


try:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
except ModuleNotFoundError as error:
    raise RuntimeError('plots need matplotlib; run `pip install -c constraints.txt -e ".[benchmarks]"`.') from error


# Okabe and Ito's colours, which are told apart by the colour-blind too.
BLUE, ORANGE, GREEN, VERMILION, SKY, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#BBBBBB"
COLOURS = {
    "wavefront": BLUE,
    "raster": ORANGE,
    "nuwa_pytorch": VERMILION,
    "nuwa_pytorch_compiled": VERMILION,
    "float32": GREY,
    "float32, channels last": SKY,
    "bfloat16, channels last": BLUE,
}
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the bytes do not hang on the machine's fonts
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}


def bar_places(sizes: Sequence[int]) -> list[float]:
    """Where bars stand from above, in groups with room between them.

    Args:
        sizes (`Sequence[int]`): bars of each group.

    Returns:
        `list[float]`: one place for each bar.
    """
    return [float(sum(sizes[:group]) + bar + 0.7 * group) for group, size in enumerate(sizes) for bar in range(size)]


def finish_bars(
    axes: Axes, places: list[float], names: list[str], values: list[float], words: list[str], is_log: bool
) -> None:
    """Name horizontal bars, write their values behind them, leave room for these.

    Args:
        axes (`Axes`): has the bars.
        places (`list[float]`): those of `bar_places`.
        names (`list[str]`): before each bar.
        values (`list[float]`): the bars' lengths.
        words (`list[str]`): behind each bar.
        is_log (`bool`): whether lengths are logarithms.
    """
    if is_log:
        low, high = min(values), max(values)
        axes.set(xscale="log", xlim=(low / 2, high * (high / low) ** 0.3 * 1.5))
        plain_ticks(axes.xaxis)
    else:
        axes.set_xlim(0, 1.2 * max(values))
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    for place, value, word in zip(places, values, words, strict=True):
        axes.annotate(word, (value, place), (4, 0), textcoords="offset points", va="center", fontsize=9)


def plain_ticks(axis: Axis) -> None:
    """Numbers without powers on a logarithmic axis: every 1, or 1, 2 and 5 where that would leave few.

    Args:
        axis (`Axis`): with its limits set.
    """
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 300 else (1,), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
