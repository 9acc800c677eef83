# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tables of a report, for a terminal and in Markdown, with published rows beside ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


TOO_FEW = "!"
ARROWS = {"higher": "↑", "lower": "↓"}
ROW_TITLES = {"codec": "through the codec"}


@dataclass(frozen=True)
class Table:
    """A table before it is laid out.

    Args:
        title (`str`): what stands above it.
        header (`list[str]`): titles of the columns but the first.
        rows (`list[tuple[str, list[str]]]`): title and cells of each row.
        notes (`list[str]`): what stands below it.
    """

    title: str
    header: list[str]
    rows: list[tuple[str, list[str]]]
    notes: list[str]


def format_report(report: Mapping[str, Any]) -> str:
    """The tables of a report for a terminal.

    Args:
        report (`Mapping[str, Any]`): as `Report.to_dict` gives it.

    Returns:
        `str`: lines joined by newlines.
    """
    return "\n\n".join(_for_terminal(table) for table in tables_of(report))


def report_markdown(report: Mapping[str, Any]) -> str:
    """The tables of a report in Markdown.

    Args:
        report (`Mapping[str, Any]`): as `Report.to_dict` gives it.

    Returns:
        `str`: lines joined by newlines.
    """
    return "\n\n".join(in_markdown(table) for table in tables_of(report))


def tables_of(report: Mapping[str, Any]) -> Iterator[Table]:
    """A table for each run.

    Args:
        report (`Mapping[str, Any]`): as `Report.to_dict` gives it.

    Yields:
        `Table`: each figure with its interval; with the number of samples beside it where it is not that of the row;
        marked with "!" where the samples are too few. Published rows come last and are called so.
    """
    for run in report["runs"]:
        columns = {name: report["columns"][name] for name in _columns_of(run, report["columns"])}
        rows = [_measured_row(name, row, columns) for name, row in run["rows"].items()]
        rows += [_published_row(row, columns) for row in run["published"]]
        header = ["samples", *(f"{column['title']} {ARROWS[column['better']]}" for column in columns.values())]
        title = run["name"] if run.get("split") is None else f"{run['name']} ({run['split']})"
        notes = [
            *_networks(columns, report["features"]),
            *_halves(run, columns),
            *_too_few(run, columns),
            *run["warnings"],
            *_sources(run["published"]),
        ]
        yield Table(title, header, rows, notes)


def _columns_of(run: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    shown = {name for row in run["rows"].values() for name in row}
    shown |= {name for row in run["published"] for name in row["scores"]}
    return [name for name in dict.fromkeys([*run["metrics"], *known]) if name in shown]


def _measured_row(name: str, row: Mapping[str, Any], columns: Mapping[str, Any]) -> tuple[str, list[str]]:
    usual = max(score["samples"] for score in row.values())
    cells = [_cell(row.get(metric), column, usual) for metric, column in columns.items()]
    return ROW_TITLES.get(name, name), [_count(usual), *cells]


def _cell(score: Mapping[str, Any] | None, column: Mapping[str, Any], usual: int) -> str:
    if score is None:
        return "-"
    digits = column["digits"]
    parts = [f"{score['value']:.{digits}f}"]
    if score["low"] is not None and score["high"] is not None:
        parts.append(f"[{score['low']:.{digits}f}, {score['high']:.{digits}f}]")
    if score["samples"] != usual:
        parts.append(f"n={_count(score['samples'])}")
    if score["samples"] < column["least_samples"]:
        parts.append(TOO_FEW)
    return " ".join(parts)


def _published_row(row: Mapping[str, Any], columns: Mapping[str, Any]) -> tuple[str, list[str]]:
    cells = []
    for metric, column in columns.items():
        value, spread = row["scores"].get(metric), row["spread"].get(metric)
        shown = "-" if value is None else f"{value:.{column['digits']}f}"
        cells.append(shown if spread is None else f"{shown} ± {spread:g}")
    return f"published: {row['name']}", ["-", *cells]


def _halves(run: Mapping[str, Any], columns: Mapping[str, Any]) -> list[str]:
    compared = [columns[name]["title"] for name in run["rows"].get("real", ()) if columns[name]["compares"]]
    if not compared:
        return []
    return [f"real: {', '.join(compared)} between two halves of the real samples, which is what noise alone gives."]


def _too_few(run: Mapping[str, Any], columns: Mapping[str, Any]) -> list[str]:
    short: dict[str, list[str]] = {}
    depends = False
    for name, column in columns.items():
        counts = [row[name]["samples"] for row in run["rows"].values() if name in row]
        if counts and min(counts) < column["least_samples"]:
            where = f"of {_count(min(counts))}, where {_count(column['least_samples'])} are needed"
            short.setdefault(where, []).append(column["title"])
            depends |= column["compares"]
    if not short:
        return []
    listed = "; ".join(f"{', '.join(titles)} {where}" for where, titles in short.items())
    remark = " What compares sets depends on their size: compare it only with figures of as many." if depends else ""
    return [f"{TOO_FEW} too few samples: {listed}.{remark}"]


def _networks(columns: Mapping[str, Any], features: Mapping[str, Any]) -> list[str]:
    by_network: dict[str, list[str]] = {}
    for column in columns.values():
        network = features.get(column["kind"], {}).get("title")
        if network is not None and column["kind"] != "pixels" and network not in column["title"]:
            by_network.setdefault(network, []).append(column["title"])
    if not by_network:
        return []
    return [
        "Read by " + "; by ".join(f"{network}: {', '.join(titles)}" for network, titles in by_network.items()) + "."
    ]


def _sources(published: list[Mapping[str, Any]]) -> list[str]:
    if not published:
        return []
    by_source: dict[str, list[str]] = {}
    for row in published:
        named = row["name"] if row["note"] is None else f"{row['name']} ({row['note']})"
        by_source.setdefault(row["source"], []).append(named)
    lines = [f"{', '.join(names)}: {source}." for source, names in by_source.items()]
    return ["Published rows are copied from papers, not measured here:", *lines]


def _count(number: int) -> str:
    return f"{number:,}"


def _for_terminal(table: Table) -> str:
    lines = [("", table.header), *table.rows]
    first = max(len(name) for name, _ in lines)
    widths = [max(len(cells[place]) for _, cells in lines) for place in range(len(table.header))]
    laid_out = [
        "  ".join([f"{name:{first}}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))])
        for name, cells in lines
    ]
    return "\n".join([table.title, *laid_out, *table.notes])


def in_markdown(table: Table) -> str:
    """A table in Markdown.

    Args:
        table (`Table`): the table.

    Returns:
        `str`: lines joined by newlines, its title first.
    """
    lines = [f"**{table.title}**", "", "| | " + " | ".join(table.header) + " |"]
    lines.append("| --- |" + " --- |" * len(table.header))
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in table.rows]
    return "\n".join([*lines, *(line for note in table.notes for line in ("", note))])
