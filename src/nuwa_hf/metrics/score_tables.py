# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a report of the protocol `emoji-motion` says, in Markdown: all tables by task, and one small table."""

from collections.abc import Mapping
from typing import Any

from nuwa_hf.metrics.report_tables import in_markdown, tables_of
from nuwa_hf.tasks import get_task


TASK_NOTES = {
    "T2I": "",
    "T2V": 'Best of k: of k candidates, the model\'s own likelihood ratio of the text over "None" picks one.',
    "S2I": (
        "A sketch gives the kind of thing (fruit, vehicle) but not which one, so object accuracy without a text is "
        "bounded. IoU compares the class maps that a judge draws of the pictures with the sketches; its own limit is "
        "the row of real pictures."
    ),
    "S2V": "Measured as for single sketches.",
    "I2I": (
        "Nats: mean negative log-likelihood of the true tokens that were hidden. Object: judged on the whole picture; "
        "where the thing was hidden, nothing says which one it was. Seam: mean jump in colour between neighbouring "
        "pixels of which one is kept and one filled; the real picture's value is the best one."
    ),
    "V2V": "PSNR of the predicted frames. One frame does not show how a thing moves; two show most of it.",
    "TI2I": (
        "The thing is replaced by another one, which the text names; object is the accuracy of the new one. Kept: "
        "share of the pixels outside the mask that come back bit for bit."
    ),
    "TV2V": (
        "The first frame is kept. Own caption: the text says what the clip shows. Another motion: it asks for another "
        "straight motion for which there is room. Real and coded clips are always judged by their own captions."
    ),
}
WAYS = (
    "*Known part as condition*: what is kept is also read through the condition encoder, so that a hole sees all of "
    "it. *The paper's way*: a hole sees only what comes before it in raster order."
)

# The small table: each row's title, and the run and the row whose scores it shows.
WITH_CONDITION = "known part as condition"
SHORT_ROWS = {
    "real clips through the codec, the upper bound": ("text to video", "codec"),
    "text to video": ("text to video", "generated"),
    "text to video, pairs of object and motion never seen in training": ("text to video, unseen pairs", "generated"),
    "text to image": ("text to image", "generated"),
    "sketch to image, no text": ("sketch to image", "sketch"),
    "sketch to video, no text": ("sketch to video", "sketch"),
    "image completion, upper half hidden": ("image completion, upper half hidden", WITH_CONDITION),
    "video prediction from one frame": ("video prediction from one frame", WITH_CONDITION),
    "image manipulation, another object": ("image manipulation, another thing", WITH_CONDITION),
    "video manipulation, another motion": ("video manipulation, another motion", WITH_CONDITION),
    "chance": ("text to video", "chance"),
}
SHORT_COLUMNS = ("object", "background", "motion", "whole")


def scores_markdown(report: Mapping[str, Any]) -> str:
    """The tables of a report, those of a task together, with what is to be known of them.

    Args:
        report (`Mapping[str, Any]`): what `nuwa-hf evaluate --protocol emoji-motion` wrote.

    Returns:
        `str`: the tables.
    """
    of_task: dict[str, list[str]] = {}
    for run, table in zip(report["runs"], tables_of(report), strict=True):
        of_task.setdefault(run["task"], []).append(in_markdown(table))
    parts = [WAYS] if any(WITH_CONDITION in run["rows"] for run in report["runs"]) else []
    for task, tables in of_task.items():
        heading = f"**{task}, {get_task(task).name.replace('-', ' ')}**"
        parts += [heading, *([TASK_NOTES[task]] if TASK_NOTES[task] else []), *tables]
    return "\n\n".join(parts)


def short_markdown(report: Mapping[str, Any]) -> str:
    """One small table: what was generated for each task that was measured, between its bounds.

    Args:
        report (`Mapping[str, Any]`): what `nuwa-hf evaluate --protocol emoji-motion` wrote.

    Returns:
        `str`: the table.

    Raises:
        ValueError: If the report has no run of text to video, which the bounds come from.
    """
    runs = {run["name"]: run["rows"] for run in report["runs"]}
    if "text to video" not in runs:
        raise ValueError(f"`scores` must have the run 'text to video', got {list(runs)}; evaluate T2V too.")
    titles = [report["columns"][name]["title"].lower() for name in SHORT_COLUMNS]
    lines = ["| | " + " | ".join(titles) + " |", "| --- |" + " --- |" * len(titles)]
    for title, (run, row) in SHORT_ROWS.items():
        if row in runs.get(run, {}):
            cells = [short_cell(runs[run][row].get(name)) for name in SHORT_COLUMNS]
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def short_cell(score: Mapping[str, Any] | None) -> str:
    """A score as the small table has it.

    Args:
        score (`Mapping[str, Any]`, *optional*): a score of the report.

    Returns:
        `str`: with its interval where it has one.
    """
    if score is None:
        return "-"
    if score["low"] is None:
        return f"{score['value']:.3f}"
    return f"{score['value']:.3f} ({score['low']:.2f}-{score['high']:.2f})"
