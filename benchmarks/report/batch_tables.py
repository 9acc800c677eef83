# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The table of `batches.py`'s result."""

from typing import Any

from benchmarks.report.formatting import grid, machine, seconds, table


def batch_tables(result: dict[str, Any]) -> str:
    """Markdown of `batches.py`'s result."""
    settings = result["settings"]
    rows = [
        (
            row["task"],
            one["size"],
            seconds(one["seconds"]["median"]),
            seconds(one["seconds"]["median"] / one["size"]),
            f"{one['per_second']:.2f}",
            seconds(one["processor_seconds"]["median"] / one["size"]),
        )
        for row in result["rows"]
        for one in row["sizes"]
    ]
    knees = " and ".join(
        f"{row['knee']} for {row['task']} ({row['processor_knee']} by processor time)" for row in result["rows"]
    )
    return "\n\n".join(
        (
            machine(result["machine"]),
            f"Checkpoint: {settings['checkpoint']}, videos of {grid(settings['grid'])} tokens, images of one frame, "
            f"guidance from {settings['guidance_scale']:g} upwards; medians of {settings['repetitions']} batches.",
            table(("task", "batch", "a batch", "each", "per second", "processor time, each"), rows),
            f"The knee, the smallest batch with {settings['nearly']:.0%} of the highest throughput: {knees}.",
        )
    )
