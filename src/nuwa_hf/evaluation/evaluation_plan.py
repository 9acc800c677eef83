# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a user asks an evaluation for, checked as far as it can be without checkpoint, data and features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nuwa_hf.evaluation.measure_run import SEEDS_APART
from nuwa_hf.evaluation.metrics.metric_table import resolve_metrics
from nuwa_hf.evaluation.planned_runs import RUN_OPTIONS, plan_runs
from nuwa_hf.evaluation.prepared_run import DataChoice
from nuwa_hf.evaluation.protocols.protocol import Protocol, load_protocol
from nuwa_hf.evaluation.protocols.run import SAMPLING_OPTIONS, Run
from nuwa_hf.evaluation.report import check_require
from nuwa_hf.evaluation.run_checks import check_options_are_read


COLUMNS = ("media_column", "caption_column", "label_column", "sketch_column")


@dataclass(frozen=True)
class EvaluationPlan:
    """What an evaluation is to do, made by `make`.

    Args:
        protocol (`Protocol`, *optional*): whose runs they are.
        runs (`list[Run]`): at least one.
        data (`DataChoice`): the real samples.
        seeds (`tuple[int, ...]`): of the samples.
        require (`Mapping[str, float]`): metric of the first run to the value that is still good enough.
        sampling (`Mapping[str, Any]`): of `SAMPLING_OPTIONS`, where given.
    """

    protocol: Protocol | None
    runs: list[Run]
    data: DataChoice
    seeds: tuple[int, ...]
    require: Mapping[str, float]
    sampling: Mapping[str, Any]

    @classmethod
    def make(
        cls,
        *,
        is_codec: bool,
        dataset: Any,
        metrics: Sequence[str],
        task: str | Sequence[str] | None,
        protocol: str | Path | None,
        num_samples: int | None,
        seeds: Sequence[int],
        candidates: int | None,
        scorer: str | None,
        split: str | None,
        setting: str,
        require: Mapping[str, float] | None,
        **options: Any,
    ) -> Self:
        """Check what `evaluate` was given; its docstring describes what is not described here.

        Args:
            is_codec (`bool`): whether a codec alone is measured.
            dataset (`Any`): see `evaluate`, as for all that follow.
            metrics (`Sequence[str]`): names.
            task (`str` or `Sequence[str]`, *optional*): names.
            protocol (`str` or `Path`, *optional*): a name or a file.
            num_samples (`int`, *optional*): of each row.
            seeds (`Sequence[int]`): of the samples.
            candidates (`int`, *optional*): for each sample.
            scorer (`str`, *optional*): what picks among them.
            split (`str`, *optional*): of the data set.
            setting (`str`): of `"emoji-motion"`.
            require (`Mapping[str, float]`, *optional*): limit by metric.
            options: of sizes, of sampling and of columns; None is what was not given.

        Returns:
            `EvaluationPlan`.

        Raises:
            TypeError: If an option is unknown.
            ValueError: If something is missing or does not fit.
        """
        given = {name: value for name, value in options.items() if value is not None}
        unknown = set(given) - {*RUN_OPTIONS, *SAMPLING_OPTIONS, *COLUMNS}
        if unknown:
            raise TypeError(f"`evaluate` has no option {min(unknown)!r}; see its documentation.")
        plan = None if protocol is None else load_protocol(protocol)
        runs = plan_runs(plan, task, metrics, num_samples, given, candidates, scorer)
        check_require(require or {}, runs[0].metrics)
        _check_seeds(seeds)
        chosen = {"seeds": None if list(seeds) == [0] else list(seeds), "candidates": candidates, "scorer": scorer}
        check_options_are_read(runs, {**given, **chosen}, is_codec)
        data = _data(plan, runs, dataset, split, setting, given)
        sampling = {name: given[name] for name in SAMPLING_OPTIONS if name in given}
        asked = cls(plan, runs, data, tuple(seeds), dict(require or {}), sampling)
        resolve_metrics(asked.metrics)
        return asked

    @property
    def metrics(self) -> list[str]:
        """The metrics of all runs, each once."""
        return list(dict.fromkeys(name for run in self.runs for name in run.metrics))

    @property
    def scores_by_clip(self) -> bool:
        """Whether CLIP picks the best of several candidates in any run."""
        return any(row.get("scorer") == "clip" for run in self.runs for row in run.rows.values())


def _data(
    plan: Protocol | None,
    runs: Sequence[Run],
    dataset: Any,
    split: str | None,
    setting: str,
    given: Mapping[str, Any],
) -> DataChoice:
    fixed = None if plan is None else plan.dataset
    needs = "" if plan is None else plan.data
    if (dataset is None) == (fixed is None):
        rule = f"left out of {plan.name}, which has its own" if fixed else "given"
        raise ValueError(f"`dataset` must be {rule}, got {dataset!r}. {needs}".strip())
    if split is not None and all(run.split is not None for run in runs):
        raise ValueError(f"`split` must be left out of {plan.name}, whose runs name theirs, got {split!r}; drop it.")
    columns = {name: given[name] for name in COLUMNS if name in given}
    return DataChoice(dataset if fixed is None else fixed, split, setting, columns, needs)


def _check_seeds(seeds: Sequence[int]) -> None:
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be at least one and none twice, got {list(seeds)}; use for example 0 1 2.")
    if min(seeds) < 0:
        raise ValueError(f"`seeds` must be at least 0, got {min(seeds)}; use for example 0 1 2.")
    most = 2**63 // SEEDS_APART - 1
    if max(seeds) > most:
        raise ValueError(f"`seeds` must be at most {most}, got {max(seeds)}; use for example 0 1 2.")
