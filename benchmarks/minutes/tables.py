# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tables of the comparison at equal minutes."""

import statistics
from collections import defaultdict
from typing import Any

from benchmarks.minutes.sets import SETS
from benchmarks.report.formatting import memory, seconds, table, which_machine


COLUMNS = {"digits": "digits", "digit-motion": "motion", "digits-and-motion": "both"}


def equal_minutes_tables(result: dict[str, Any]) -> str:
    """Markdown of what `equal_minutes.py` measured.

    Args:
        result (`dict`): as `collect` gives it.

    Returns:
        `str`: one table of quality and one of cost for each machine on which rows were measured.
    """
    return "\n\n".join(_of_machine(rows, result["real"]) for rows in by_machine(result["rows"]))


def by_machine(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows that are comparable: those of one processor with as many threads and the same libraries.

    Args:
        rows (`list[dict]`): of a result.

    Returns:
        `list[list[dict]]`: the rows of each machine.
    """
    machines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        machines[which_machine(row["machine"])].append(row)
    return list(machines.values())


def _of_machine(rows: list[dict[str, Any]], real: dict[str, Any]) -> str:
    groups: dict[tuple[float, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["minutes"], row["title"]].append(row)
    order = sorted(groups, key=lambda key: key[0])
    header = ["minutes", "contender", "seeds"]
    header += [f"{name}: {column}" for name in SETS for column in COLUMNS.values()]
    lines = [["", "real clips", "", *_quality([real])]]
    lines += [
        [f"{minutes:g}", title, str(len(groups[minutes, title])), *_quality(_last(groups[minutes, title]))]
        for minutes, title in order
    ]
    quality = table([*header, "Frechet distance"], lines)
    cost = table(
        [
            *("minutes", "contender", "parameters", "steps", "a clip alone", "a clip of 16", "memory, training"),
            *("memory, drawing and judging", "machine, GFLOP/s"),
        ],
        [_cost(minutes, title, groups[minutes, title]) for minutes, title in order],
    )
    # Without the load, which was another one before each row.
    return f"Machine: {which_machine(rows[0]['machine'])}.\n\n{quality}\n\n{cost}"


def _last(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row["curve"][-1]["scores"] for row in rows if row["curve"][-1]["scores"] is not None]


def _quality(scores: list[dict[str, Any]]) -> list[str]:
    if not scores:
        return ["-"] * (len(SETS) * len(COLUMNS) + 1)
    cells = [_mean([one[name][metric] for one in scores]) for name in SETS for metric in COLUMNS]
    distances = [one["all"]["frechet"] for one in scores]
    return [*cells, f"{_mean(distances, '.2f')} ({min(one['samples'] for one in distances)} clips)"]


def _mean(scores: list[dict[str, Any]], digits: str = ".2f") -> str:
    values = [score["value"] for score in scores]
    shown = format(statistics.mean(values), digits)
    return shown if len(values) == 1 else f"{shown} ({min(values):{digits}} to {max(values):{digits}})"


def _cost(minutes: float, title: str, rows: list[dict[str, Any]]) -> list[str]:
    first = rows[0]
    parts = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in first["parameters"].items())
    times = [_seconds([row["sampling_seconds"].get(batch) for row in rows]) for batch in ("1", "16")]
    memories = [memory(max(row[name] for row in rows)) for name in ("training_memory", "sampling_memory")]
    steps = _range([row["steps"] for row in rows])
    rates = _range([rate / 1e9 for row in rows for rate in row["matrix_rates"]])
    return [f"{minutes:g}", title, parts, steps, *times, *memories, rates]


def _range(values: list[float]) -> str:
    ends = dict.fromkeys(f"{value:,.0f}" for value in (min(values), max(values)))
    return " to ".join(ends)


def _seconds(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return seconds(statistics.median(known)) if known else "-"
