# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""From the ablations' JSON files to the tables and plots of docs/ablations.md.

python -m benchmarks.ablations.report --results benchmarks/results --page docs/ablations.md
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report.formatting import table
from benchmarks.report.report import ROOT, fill_page
from nuwa_hf.evaluation.metrics.metric import Score
from nuwa_hf.evaluation.metrics.over_seeds import over_seeds


@dataclass(frozen=True)
class Column:
    """A number of each run.

    Args:
        title (`str`): above the column, with the unit.
        of (`Callable`): takes a run, gives the number, or None where there is none.
        digits (`int`): decimals.
        real (`str`, *optional*): the metric's name in the scores of real clips.
    """

    title: str
    of: Callable[[dict[str, Any]], float | None]
    digits: int
    real: str | None = None


def _score(metric: str, title: str, digits: int, of: str = "scores", real: bool = True) -> Column:
    return Column(title, lambda run: run[of][metric]["value"], digits, metric if real else None)


SAMPLES = (
    _score("digit", "digit", 2),
    _score("direction", "direction", 2),
    _score("kept-shape", "kept shape", 2),
    _score("frechet:digits", "Fréchet, digit classifier", 1),
)
NATS = Column("nats a token", lambda run: run["nats"], 3)
TRAINING = Column("training (s)", lambda run: run["training_seconds"], 0)
# The ablations, and the tables of each: what stands above it and its columns.
TABLES: dict[str, tuple[tuple[str, tuple[Column, ...]], ...]] = {
    "codec_losses": (
        (
            "The codec alone, real clips through it:",
            (
                _score("psnr", "PSNR (dB)", 2, "codec", real=False),
                _score("ssim", "SSIM", 3, "codec", real=False),
                _score("digit", "digit", 2, "codec"),
                _score("frechet:digits", "Fréchet, digit classifier", 1, "codec"),
                _score("frechet:efficientnet", "Fréchet, EfficientNet", 1, "codec"),
                Column("training (s)", lambda run: run["codec_training_seconds"], 0),
            ),
        ),
        (
            "Clips from text, by a transformer on its tokens:",
            (*SAMPLES, _score("frechet:efficientnet", "Fréchet, EfficientNet", 1)),
        ),
    ),
    "attention": (
        (
            "",
            (
                *SAMPLES,
                NATS,
                TRAINING,
                Column("a clip (ms)", lambda run: run["sampling_seconds"] and 1000 * run["sampling_seconds"], 0),
            ),
        ),
    ),
    "tasks": (("", (*SAMPLES, NATS, TRAINING)),),
    "choices": (("", (*SAMPLES, NATS, TRAINING)),),
    "known_part": (("", (*SAMPLES, _score("psnr", "PSNR of the drawn frames (dB)", 2, real=False), NATS)),),
}


def variants_of(result: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The runs of each variant, in the order in which they were run."""
    variants = {}
    for run in result["runs"]:
        variants.setdefault(run["variant"], []).append(run)
    return variants


def mean_of(column: Column, runs: Sequence[dict[str, Any]]) -> Score | None:
    """The mean over seeds, with its t interval; None if a run has no such number."""
    return _over_seeds([column.of(run) for run in runs])


def difference_of(column: Column, runs: Sequence[dict[str, Any]], first: Sequence[dict[str, Any]]) -> Score | None:
    """The mean over the seeds that two variants share of the difference within each, as `mean_of`."""
    before = {run["seed"]: column.of(run) for run in first}
    pairs = [(column.of(run), before[run["seed"]]) for run in runs if run["seed"] in before]
    return _over_seeds([None if None in pair else pair[0] - pair[1] for pair in pairs])


def _over_seeds(values: Sequence[float | None]) -> Score | None:
    return None if None in values else over_seeds([Score(value, 1) for value in values])


def tables_of(name: str, result: dict[str, Any]) -> str:
    """Markdown of an ablation's tables: the mean of the seeds, plus and minus half of its 95 % interval. The last rows
    compare each variant with the first one, seed by seed.

    Args:
        name (`str`): a key of `TABLES`.
        result (`dict[str, Any]`): what `benchmarks.ablations.run` wrote.

    Returns:
        `str`.
    """
    parts = []
    for title, columns in TABLES[name]:
        variants = variants_of(result)
        rows = [
            (variant, len(runs), *(_cell(mean_of(column, runs), column.digits) for column in columns))
            for variant, runs in variants.items()
        ]
        (first, firsts), *others = variants.items()
        rows += [
            (
                f"*{variant}* less *{first}*",
                len(runs),
                *(_cell(difference_of(column, runs, firsts), column.digits) for column in columns),
            )
            for variant, runs in others
        ]
        real = [
            "" if column.real is None else f"{result['real'][column.real]['value']:.{column.digits}f}"
            for column in columns
        ]
        rows.append(("real clips", "", *real))
        parts += [title, table(("", "seeds", *(column.title for column in columns)), rows)]
    return "\n\n".join(part for part in parts if part)


def _cell(score: Score | None, digits: int) -> str:
    if score is None:
        return ""
    half = 0 if score.low is None else round(score.high - score.value, digits)
    return f"{score.value:z.{digits}f}" + (f" ± {half:.{digits}f}" if half else "")


def main(argv: Sequence[str] | None = None) -> None:
    """Fill the page and draw its plots.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", metavar="DIR")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "ablations.md", metavar="FILE")
    arguments = parser.parse_args(argv)
    from benchmarks.ablations.plot import draw_ablation

    page = arguments.page.read_text(encoding="utf-8")
    for name in TABLES:
        path = arguments.results / f"ablation_{name}.json"
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            page = fill_page(
                page, {f"ablation_{name}": result}, {f"ablation_{name}": lambda r, n=name: tables_of(n, r)}
            )
            draw_ablation(name, result, arguments.page.parent / "images" / "ablations")
    arguments.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
