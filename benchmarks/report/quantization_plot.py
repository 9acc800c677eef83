# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The plot of 8-bit weights: what they weigh, what they cost in likelihood, how long a wide model takes."""

from typing import Any

from matplotlib.figure import Figure

from benchmarks.report.formatting import seconds
from benchmarks.report.plot_style import BLUE, GREEN, ORANGE, bar_places, finish_bars


def quantization_plot(result: dict[str, Any]) -> Figure:
    """Size and likelihood of the checkpoint, and the time of the wide model."""
    trained, wide = result["checkpoint"]["rows"], result["wide"]["rows"]
    figure = Figure(figsize=(9.0, 2.8), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0.07, 1, 0.93))
    size, likelihood, time = figure.subplots(1, 3)
    names, places = [row["precision"] for row in trained], bar_places([len(trained)])

    megabytes = [row["weight_bytes"] / 1e6 for row in trained]
    size.barh(places, megabytes, color=BLUE)
    finish_bars(size, places, names, megabytes, [f"{value:.1f}" for value in megabytes], is_log=False)
    size.set(title="Checkpoint, weights", xlabel="MB")

    above = [1000 * row["difference"] for row in trained]
    errors = [1000 * row["difference_standard_error"] for row in trained]
    likelihood.barh(places, above, xerr=errors, color=ORANGE)
    words = [f"{value:+.2f}" for value in above]
    ends = [value + error for value, error in zip(above, errors, strict=True)]
    finish_bars(likelihood, places, [""] * len(places), ends, words, is_log=False)
    likelihood.set(title="Likelihood lost, standard error", xlabel="thousandths of a nat a token")

    times = [row["seconds"]["median"] for row in wide]
    time.barh(places, times, color=GREEN)
    finish_bars(time, places, [""] * len(places), times, [seconds(value) for value in times], is_log=False)
    time.set(title=f"{result['wide']['layers']} layers of {result['wide']['hidden_size']}, a video", xlabel="seconds")
    return figure
