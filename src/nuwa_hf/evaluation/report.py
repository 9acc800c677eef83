# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What an evaluation found, as an object, as JSON and as tables."""

import json
import math
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nuwa_hf.evaluation.features.feature_reader import FeatureReader
from nuwa_hf.evaluation.metrics.metric import Metric, Score
from nuwa_hf.evaluation.protocols.run import Run
from nuwa_hf.media.whole_files import check_can_be_written, remove_left_aside, written_aside
from nuwa_hf.metrics.report_tables import format_report, report_markdown


SECONDS = "seconds"  # of one sample; the one column that is not worked out from features
Row = dict[str, Score]  # metric to score


@dataclass
class RunReport:
    """The rows of one run.

    Args:
        run (`Run`): what was asked for.
        data (`str`): digest of the real samples.
        rows (`dict[str, dict[str, Score]]`): row to metric to score, in the order of the table.
        warnings (`list[str]`): what to know before these figures are compared with others.
    """

    run: Run
    data: str
    rows: dict[str, Row] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def judged_row(self) -> str:
        """The row that the run is about: the first that was generated, or the codec's where nothing was."""
        return next((name for name in self.run.rows if name in self.rows), "codec")

    def to_dict(self) -> dict[str, Any]:
        """The run as JSON has it."""
        run = self.run
        options = {name: getattr(run, name) for name in ("given_frames", "mask", "captions")}
        return {
            **{name: getattr(run, name) for name in ("name", "task", "split", "num_samples")},
            **options,
            "data": self.data,
            "metrics": list(run.metrics),
            "options": {name: dict(row) for name, row in run.rows.items() if row},
            "rows": {
                name: {metric: asdict(score) for metric, score in row.items()} for name, row in self.rows.items()
            },
            "warnings": self.warnings,
            "published": [asdict(row) for row in run.published],
        }


@dataclass
class Report:
    """What an evaluation found.

    Args:
        settings (`dict[str, Any]`): what was evaluated, and how: checkpoint, data set, seeds, sampling, features,
            batch size and device.
        runs (`list[RunReport]`): one for each run, as far as they are done.
        metrics (`Mapping[str, Metric]`): the metrics by name.
        require (`Mapping[str, float]`): metric to the value that is still good enough in what the first run is about.
        is_complete (`bool`): whether all runs and all their rows are there.
    """

    settings: dict[str, Any]
    metrics: Mapping[str, Metric]
    runs: list[RunReport] = field(default_factory=list)
    require: Mapping[str, float] = field(default_factory=dict)
    is_complete: bool = True

    @property
    def scores(self) -> Row:
        """Metric to score of what the first run is about."""
        return self.runs[0].rows[self.runs[0].judged_row]

    @property
    def unmet(self) -> list[str]:
        """A phrase for each requirement that is not met: the value must be at least the limit where higher is better,
        else at most; what was not measured is not met.
        """
        phrases = []
        for name, limit in self.require.items():
            is_higher_better = self.metrics[name].better == "higher"
            value = self.scores[name].value if name in self.scores else math.nan
            if not (value >= limit if is_higher_better else value <= limit):
                phrases.append(f"{name} {value:.3f} {'<' if is_higher_better else '>'} {limit:g}")
        return phrases

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        used = dict.fromkeys(name for one in self.runs for name in one.run.metrics)
        columns = {
            name: {
                key: getattr(self.metrics[name], key)
                for key in ("title", "kind", "better", "compares", "digits", "least_samples")
            }
            for name in used
        }
        columns[SECONDS] = {
            "title": "seconds a sample",
            "kind": SECONDS,
            "better": "lower",
            "compares": False,
            "digits": 2,
            "least_samples": 1,
        }
        return {
            **self.settings,
            "complete": self.is_complete,
            "columns": columns,
            "runs": [one.to_dict() for one in self.runs],
        }

    def to_json(self) -> str:
        """All of it as the text of a JSON file."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def save(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all. Folders above it are made.

        Args:
            path (`str` or `Path`): the file.
        """
        _write(path, self.to_json())

    def save_markdown(self, path: str | Path) -> None:
        """Write its tables in Markdown, whole or not at all. Folders above it are made.

        Args:
            path (`str` or `Path`): the file.
        """
        _write(path, report_markdown(self.to_dict()) + "\n")

    def __str__(self) -> str:
        return format_report(self.to_dict())


def check_report_files(*paths: str | Path | None) -> None:
    """Check that the files of a report can be written, before anything is measured.

    Args:
        paths (`str` or `Path`, *optional*): the files; None for one that is not asked for.

    Raises:
        OSError: If one is a folder, or cannot be written.
    """
    for path in paths:
        if path is not None:
            check_can_be_written(path)


def features_used(readers: Mapping[str, FeatureReader]) -> dict[str, dict[str, str]]:
    """The networks of a report: title and digest of each by kind.

    Args:
        readers (`Mapping[str, FeatureReader]`): by kind.

    Returns:
        `dict[str, dict[str, str]]`.
    """
    return {kind: {"title": reader.title, "digest": reader.digest} for kind, reader in readers.items()}


def check_require(require: Mapping[str, float], metrics: Collection[str]) -> None:
    """Check that what is required will be measured.

    Args:
        require (`Mapping[str, float]`): limit by metric.
        metrics (`Collection[str]`): names of the metrics of the first run.

    Raises:
        ValueError: If a metric is not among them.
    """
    for name in require:
        if name not in metrics:
            raise ValueError(
                f"`require` must be among the metrics of the first run, {', '.join(metrics)}, got {name!r}; add it."
            )


def say_unmet(report: Report) -> int:
    """Say on stderr which requirements are not met.

    Args:
        report (`Report`): what was found.

    Returns:
        `int`: 1 if there is one, else 0.
    """
    unmet = report.unmet
    if unmet:
        first = report.runs[0]
        sys.stderr.write(f"required of {first.judged_row} in {first.run.name}, not met: {'; '.join(unmet)}\n")
    return int(bool(unmet))


def _write(path: str | Path, text: str) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_left_aside(path.parent, path.name)
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
