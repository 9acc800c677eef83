# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The scores that README and docs/scores.md show are those of the embedded checkpoint's card."""

import re
from pathlib import Path

import pytest

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.cards.score_card import MARKERS


ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"\d+\.\d+")
CARD = (DEMO_CHECKPOINT / "README.md").read_text(encoding="utf-8")


def between_markers(page):
    start, end = MARKERS
    return (ROOT / page).read_text(encoding="utf-8").split(start)[1].split(end)[0].strip()


def tables_of(text):
    """Each table of a page as its rows, and each row as its cells by column; the first column is called ''."""
    found = []
    for block in text.split("\n\n"):
        lines = [line.strip("| ").split(" | ") for line in block.splitlines() if line.startswith("|")]
        if lines:
            header = ["", *lines[0]] if block.startswith("| |") else lines[0]
            found.append((header[0], {cells[0]: dict(zip(header[1:], cells[1:], strict=True)) for cells in lines[2:]}))
    return found


def test_scores_page_has_the_tables_of_the_card():
    assert CARD.rstrip().endswith(between_markers("docs/scores.md"))


def test_short_table_of_the_readme_repeats_rows_of_the_long_ones():
    (_, short), *_ = tables_of(between_markers("README.md"))
    tables = tables_of(between_markers("docs/scores.md"))
    long = [{name.lower(): cell for name, cell in row.items()} for _, rows in tables for row in rows.values()]
    assert len(short) > 2
    for title, scores in short.items():
        assert any(all(says_the_same(row, name, score) for name, score in scores.items()) for row in long), title


def says_the_same(row, name, score):
    """Whether a long row has a short row's score: the value, and the interval in two digits."""
    cell = next((cell for column, cell in row.items() if column.startswith(name)), "-").split(" n=")[0]
    found, given = ([float(number) for number in NUMBER.findall(text)] for text in (cell, score))
    return score == "-" or (found[:1] == given[:1] and found[1:] == pytest.approx(given[1:], abs=0.0051))
