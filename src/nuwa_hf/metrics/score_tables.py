# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Scores as tables, for a terminal and in Markdown."""

from collections.abc import Callable
from typing import Any

from nuwa_hf.tasks import get_task


SCORES = ("object", "background", "motion", "object_and_motion", "motion_without_round_spin")
NUMBER_FORMATS = {"nats": ".3f", "psnr": ".1f", "kept": ".4f", "seam": ".4f"}
COLUMN_TITLES = {
    "nats": "nats a token",
    "psnr": "PSNR, dB",
    "kept": "kept exactly",
    "mean_iou_things": "IoU of things",
    "fw_iou": "FWIoU",
}
ROW_TITLES = {"real": "real", "codec": "through the codec"}
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
        "The thing is replaced by another one, which the text names; object is the accuracy of the new one. Kept "
        "exactly: share of the pixels outside the mask that come back bit for bit."
    ),
    "TV2V": (
        "The first frame is kept. Own caption: the text says what the clip shows. Another motion: it asks for another "
        "straight motion for which there is room. Real and coded clips are always judged by their own captions."
    ),
}

# The short table: each row's title, and the task, table and row whose scores it shows.
WITH_CONDITION = "known part as condition"
SHORT_ROWS = {
    "text to image": ("T2I", "val", "generated"),
    "sketch to image, no text": ("S2I", "val", "sketch"),
    "sketch to video, no text": ("S2V", "val", "sketch"),
    "image completion, upper half hidden": ("I2I", "half", WITH_CONDITION),
    "video prediction from one frame": ("V2V", "1 frame given", WITH_CONDITION),
    "image manipulation, another object": ("TI2I", "val, another thing", WITH_CONDITION),
    "video manipulation, another motion": ("TV2V", "val, another motion", WITH_CONDITION),
}
SHORT_COLUMNS = ("object", "background", "motion")


def format_table(report: dict[str, dict[str, Any]]) -> str:
    """Rows and scores of text to video as text: each accuracy with its 95 % interval.

    Args:
        report (`dict`): of `evaluate_split`.

    Returns:
        `str`: lines joined by newlines.
    """
    columns = [key for key in SCORES if key in report["real"]]
    lines = ["".join([f"{'':10}", *(f"{column.replace('_', ' '):>26}" for column in columns)])]
    for name, scores in report.items():
        cells = [terminal_cell(column, scores.get(column)) for column in columns]
        lines.append("".join([f"{name:10}", *(f"{cell:>26}" for cell in cells)]))
    for name, scores in report.items():
        numbers = [f"{key.replace('_', ' ')} {value:.2f}" for key, value in scores.items() if isinstance(value, float)]
        if numbers:
            lines.append(f"{name:10}" + ", ".join(numbers))
    return "\n".join(lines)


def format_task(abbreviation: str, tables: dict[str, dict[str, dict[str, Any]]]) -> str:
    """The tables of one task as text.

    Args:
        abbreviation (`str`): such as `"T2I"`.
        tables (`dict`): rows by title, of a function that judges the task.

    Returns:
        `str`: lines joined by newlines.
    """
    lines = []
    for title, rows in tables.items():
        header, body = cells_of(rows, terminal_cell)
        lines += ["", f"{abbreviation}, {title.replace('_', ' ')}"]
        lines.append("".join([f"{'':26}", *(f"{cell:>23}" for cell in header)]))
        lines += ["".join([f"{name:26}", *(f"{cell:>23}" for cell in cells)]) for name, cells in body.items()]
    return "\n".join(lines)


def task_markdown(abbreviation: str, tables: dict[str, dict[str, dict[str, Any]]]) -> str:
    """The tables of one task in Markdown, with what is to be known of them.

    Args:
        abbreviation (`str`): such as `"T2I"`.
        tables (`dict`): rows by title, of a function that judges the task.

    Returns:
        `str`: the tables.
    """
    name = f"{abbreviation}, {get_task(abbreviation).name.replace('-', ' ')}"
    parts = [TASK_NOTES[abbreviation]] if TASK_NOTES[abbreviation] else []
    for title, rows in tables.items():
        header, body = cells_of(rows, markdown_cell)
        lines = [f"| {name}: {title.replace('_', ' ')} | " + " | ".join(header) + " |"]
        lines.append("| --- |" + " --- |" * len(header))
        lines += [f"| {row} | " + " | ".join(cells) + " |" for row, cells in body.items()]
        parts.append("\n".join(lines))
    return "\n\n".join([f"**{name}**", *parts])


def short_markdown(report: dict[str, Any]) -> str:
    """One small table in Markdown: what was generated for each task that was judged, between its bounds.

    Args:
        report (`dict`): what `evaluate` wrote, with the split "val".

    Returns:
        `str`: the table.

    Raises:
        ValueError: If the report has no split "val".
    """
    if "val" not in report["splits"]:
        raise ValueError(f"`scores` must hold the split 'val', got {list(report['splits'])}; evaluate it too.")
    bounds, tasks = report["splits"]["val"], report.get("tasks", {})
    rows = {"real clips through the codec, the upper bound": bounds["codec"], "text to video": bounds["generated"]}
    if "zeroshot" in report["splits"]:
        unseen = report["splits"]["zeroshot"]["generated"]
        rows["text to video, pairs of object and motion never seen in training"] = unseen
    for title, (task, table, row) in SHORT_ROWS.items():
        if row in tasks.get(task, {}).get(table, {}):
            rows[title] = tasks[task][table][row]
    rows["chance"] = bounds["chance"]
    lines = ["| | " + " | ".join(SHORT_COLUMNS) + " |", "| --- |" + " --- |" * len(SHORT_COLUMNS)]
    for title, scores in rows.items():
        cells = [markdown_cell(name, scores.get(name)) for name in SHORT_COLUMNS]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cells_of(
    rows: dict[str, dict[str, Any]], cell: Callable[[str, Any], str]
) -> tuple[list[str], dict[str, list[str]]]:
    """The titles of the columns, and the cells of each row by its title.

    Args:
        rows (`dict`): scores by row.
        cell (`Callable`): a score as text, `terminal_cell` or `markdown_cell`.

    Returns:
        `tuple`: titles and rows.
    """
    columns = list(dict.fromkeys(name for scores in rows.values() for name in scores))
    header = [COLUMN_TITLES.get(name, name.replace("_", " ")) for name in columns]
    return header, {
        ROW_TITLES.get(row, row): [cell(name, scores.get(name)) for name in columns] for row, scores in rows.items()
    }


def terminal_cell(name: str, score: dict[str, float] | float | None) -> str:
    """A score for a terminal.

    Args:
        name (`str`): of the score.
        score (`dict`, `float` or `None`): an accuracy, a number, or none.

    Returns:
        `str`: an accuracy with its interval where it has one.
    """
    return _cell(name, score, "{accuracy:.3f} [{low:.3f}, {high:.3f}]")


def markdown_cell(name: str, score: dict[str, float] | float | None) -> str:
    """A score for a page.

    Args:
        name (`str`): of the score.
        score (`dict`, `float` or `None`): an accuracy, a number, or none.

    Returns:
        `str`: an accuracy with its interval where it has one.
    """
    return _cell(name, score, "{accuracy:.3f} ({low:.2f}-{high:.2f})")


def _cell(name: str, score: dict[str, float] | float | None, with_interval: str) -> str:
    if score is None:
        return "-"
    if isinstance(score, float):
        return f"{score:{NUMBER_FORMATS.get(name, '.3f')}}"
    return with_interval.format(**score) if "low" in score else f"{score['accuracy']:.3f}"
