# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tables of video prediction."""

from typing import Any

from benchmarks.prediction.published import PUBLISHED
from benchmarks.report.formatting import machine, table


def video_prediction_tables(result: dict[str, Any]) -> str:
    """Markdown of what `video_prediction.py` measured.

    Args:
        result (`dict`): its result.

    Returns:
        `str`: one table for each data set, ours before the published rows.
    """
    parts = []
    for name, measured in result["data"].items():
        parameters = f"{sum(measured['parameters'].values()) / 1e6:.1f} M"
        effort = f"{measured['minutes']:g} minutes, {measured['steps'] * measured['clips_a_step']:,} clips"
        rows = [
            [row, parameters if "sample" in row else "", effort if "sample" in row else "", *_shown(score)]
            for row, score in measured["scores"].items()
        ]
        rows += [
            [title, size, f"{epochs} epochs, {epochs * 10_000:,} clips", f"{mse:.2f}", f"{ssim:.4f}"]
            for title, size, epochs, mse, ssim in PUBLISHED.get(name, [])
        ]
        parts += [
            f"{name}, {measured['test_clips']} test clips. {machine(measured['machine'])}",
            table(["", "parameters", "training", "MSE", "SSIM"], rows),
        ]
    return "\n\n".join(parts)


def _shown(score: dict[str, float]) -> list[str]:
    return [f"{score['mse']:.2f}", f"{score['ssim']:.4f}"]
