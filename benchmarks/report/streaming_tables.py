# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tables of `streaming.py`'s result."""

from typing import Any

from benchmarks.report.formatting import MIB, grid, machine, seconds, table


def streaming_tables(result: dict[str, Any]) -> str:
    """Markdown of `streaming.py`'s result."""
    settings, times, memory = result["settings"], [], []
    for way, row in result["ways"].items():
        gaps, series = row["gaps"], row["memory"]
        times.append(
            (
                way,
                seconds(row["seconds"]["first_frame"]["median"]),
                seconds(row["seconds"]["whole_call"]["median"]),
                f"{gaps['frames_per_second']:.1f}",
                seconds(gaps["median"]),
                seconds(gaps["percentile_95"]),
            )
        )
        memory.append(
            (
                way,
                f"{series['resident'][0] / MIB:,.1f} MiB",
                f"{series['resident'][-1] / MIB:,.1f} MiB",
                f"{round(series['bytes_per_frame']):+,d} bytes",
            )
        )
    first, last = (next(iter(result["ways"].values()))["memory"]["frames"][place] for place in (0, -1))
    parts = [
        machine(result["machine"]),
        f"Checkpoint: {settings['checkpoint']}, frames of {grid(settings['grid'][1:])} tokens, {settings['grid'][0]} "
        f"of them learnt; one video, guidance {settings['guidance_scale']:g}. First frame and whole call (of the "
        f"learnt frames): medians of {settings['repetitions']} runs. Gaps: between {settings['num_frames']} frames.",
        table(
            ("beyond the learnt frames", "first frame", "a whole call", "frames/s", "median gap", "95th percentile"),
            times,
        ),
        table(
            (
                "beyond the learnt frames",
                f"resident at frame {first}",
                f"at frame {last}",
                "slope, a frame",
            ),
            memory,
        ),
    ]
    if "judged" in result:
        judged = result["judged"]
        spans = [f"{span['first']} to {span['last']}" for span in next(iter(judged["ways"].values()))["spans"]]
        parts += [
            f"Share of the frames that show the right thing, {judged['num_captions']} videos of validation captions "
            "with one thing:",
            table(
                ("beyond the learnt frames", *(f"frames {span}" for span in spans), "last frame"),
                [
                    (way, *(f"{span['share']:.3f}" for span in row["spans"]), f"{row['by_frame'][-1]:.3f}")
                    for way, row in judged["ways"].items()
                ],
            ),
        ]
    return "\n\n".join(parts)
