# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The scores that a model card gives: those of its metadata, or of the tables under its heading "Scores"."""

import re

from huggingface_hub import ModelCard

from nuwa_hf.hub.pushed_files import read_card


Scores = dict[str, dict[str, float | str]]  # what was measured, to metric, to value as the card has it
RULE = re.compile(r":?-+:?")  # what stands below the names of columns, with or without an alignment
BOUNDS = ("real", "through", "the sketch itself", "chance")  # rows that begin so are not what the checkpoint draws


def card_scores(text: str) -> Scores:
    """Read the scores of a card.

    Args:
        text (`str`): the card, front matter and Markdown.

    Returns:
        `dict[str, dict[str, float | str]]`: title of a table, or name of a data set, to metric to value; empty if the
            card has none. Of a table, the first row that is about what the checkpoint draws.

    Raises:
        ValueError: If the card's metadata are malformed.
    """
    read_card(text)  # says what is wrong with it
    found: Scores = {}
    for result in ModelCard(text).data.eval_results or []:
        row = found.setdefault(result.dataset_name, {})
        row[result.metric_name or result.metric_type] = result.metric_value
    return found or _tables(text)


def _tables(text: str) -> Scores:
    """Of every table one row, under the table's own title or the bold words above it."""
    section = re.split(r"(?m)^## Scores$", text)[-1] if re.search(r"(?m)^## Scores$", text) else ""
    section = re.split(r"(?m)^## ", section)[0]
    found: Scores = {}
    title, columns = "", []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if heading := re.match(r"\*\*(.+?)\*\*(.*)", line):
            title = f"{heading[1]}{heading[2]}"
        if not cells:
            columns = []
        elif not columns:
            columns = cells
        elif not cells[0].startswith(BOUNDS) and not RULE.fullmatch(cells[0]) and (columns[0] or title) not in found:
            # Whoever reads a card did not write it: a row may have a cell more or less than there are columns.
            found[columns[0] or title] = dict(zip(columns[1:], cells[1:], strict=False))
    return found
