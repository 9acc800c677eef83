# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The rows of a run: real samples, real samples through the codec, baselines, generated samples, chance."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accelerate import PartialState

from nuwa_hf.bulk.digests import checkpoint_digest
from nuwa_hf.evaluation.feature_store import LIKELIHOOD, FeatureStore, fields_of, readable
from nuwa_hf.evaluation.features.feature_reader import Features
from nuwa_hf.evaluation.features.likelihood_reader import LikelihoodReader
from nuwa_hf.evaluation.measured_samples import MeasuredSamples
from nuwa_hf.evaluation.metrics.compute_metrics import compute_metrics
from nuwa_hf.evaluation.metrics.metric import Metric, Score
from nuwa_hf.evaluation.metrics.over_seeds import over_seeds
from nuwa_hf.evaluation.prepared_run import PreparedRun
from nuwa_hf.evaluation.protocols.run import SAMPLING_OPTIONS
from nuwa_hf.evaluation.report import SECONDS, Row
from nuwa_hf.evaluation.samples.distinct_clips import halves_of
from nuwa_hf.evaluation.samples.generate import generate
from nuwa_hf.evaluation.samples.partly_hidden import PartlyHidden
from nuwa_hf.evaluation.samples.repeated_frames import LastFrameRepeated
from nuwa_hf.evaluation.samples.sample_folder import SampleFolder
from nuwa_hf.evaluation.samples.sample_set import SampleSet
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.pipelines.scorers import Scorer
from nuwa_hf.tasks import get_task


SEEDS_APART = 1_000_000  # from the first sample of one seed to that of the next, so that no two samples share one


@dataclass(frozen=True)
class Maker:
    """What makes the samples of all runs, and where they are kept.

    Args:
        pipeline (`NuwaPipelineBase`, *optional*): the checkpoint; None to measure the codec alone.
        samples_dir (`Path`): a folder for each run, row and seed is in it.
        seeds (`Sequence[int]`): sample i of seed s has the seed `s * SEEDS_APART + i`.
        batch_size (`int`): samples at once.
        scorers (`Mapping[str, Scorer]`): what picks the best of several candidates, beside the model itself.
    """

    pipeline: NuwaPipelineBase | None
    samples_dir: Path
    seeds: Sequence[int]
    batch_size: int
    scorers: Mapping[str, Scorer] = field(default_factory=dict)

    def make(self, prepared: PreparedRun, name: str, seed: int) -> SampleFolder:
        """The samples of a row, those that are there already as they are.

        Args:
            prepared (`PreparedRun`): the run.
            name (`str`): the row.
            seed (`int`): one of `seeds`.

        Returns:
            `SampleFolder`.
        """
        options = prepared.run.rows[name]
        return generate(
            self.pipeline,
            prepared.inputs[name],
            self.samples_dir / file_name(prepared.run.name) / file_name(name) / f"seed-{seed}",
            seed=seed * SEEDS_APART,
            batch_size=self.batch_size,
            candidates=options.get("candidates", 1),
            scorer=self.scorers.get(options.get("scorer")) if options.get("candidates", 1) > 1 else None,
            sampling=_sampling(prepared.run.task, options),
        )


def measure_run(prepared: PreparedRun, maker: Maker, store: FeatureStore) -> Iterator[tuple[str, Row]]:
    """Make the samples of a run and work out its rows.

    What real samples and the codec reach comes before anything is generated. Under `accelerate launch`, only the main
    process reads features; the others make samples.

    Args:
        prepared (`PreparedRun`): the run.
        maker (`Maker`): what makes samples.
        store (`FeatureStore`): what reads features.

    Yields:
        `tuple[str, Row]`: a row and its scores.
    """
    is_main = PartialState().is_main_process
    judge = RowJudge(prepared, store, maker)
    if is_main:
        yield from judge.rows_without_model()
    for name in prepared.inputs:
        rows = []
        for seed in maker.seeds:
            folder = maker.make(prepared, name, seed)
            if is_main:
                rows.append(judge.generated(name, folder))
        if is_main:
            in_all = [metric for metric in rows[0] if all(metric in row for row in rows)]  # some have no seconds
            yield name, {metric: over_seeds([row[metric] for row in rows]) for metric in in_all}
    if is_main and (chance := judge.chance()):
        yield "chance", chance


class RowJudge:
    """Works out the rows of one run.

    Args:
        prepared (`PreparedRun`): the run.
        store (`FeatureStore`): what reads features.
        maker (`Maker`): whose codec and checkpoint are measured.
    """

    def __init__(self, prepared: PreparedRun, store: FeatureStore, maker: Maker):
        self.prepared, self.store, self.maker = prepared, store, maker
        self.compared: dict[str, Features] = {}  # of the real samples, for metrics that compare
        self.last: Mapping[str, Features] = {}  # of the row worked out last
        self.likelihoods: dict[str, Features] = {}  # of each row, the same for all seeds

    def rows_without_model(self) -> Iterator[tuple[str, Row]]:
        """The rows `real` and `codec` and the baselines; metrics that a row cannot have are left out of it, and so is
        a row without any.

        Yields:
            `tuple[str, Row]`: a row and its scores.
        """
        prepared, real = self.prepared, self.prepared.measured
        self.compared = self.store.read([metric.kind for metric in prepared.metrics if metric.compares], real)
        if row := self._real():
            yield "real", row
        coded = prepared.coded if prepared.real is real else MeasuredSamples(prepared.coded, real)
        if row := self._scores(coded):
            yield "codec", row
        for _ in prepared.run.baselines:
            baseline = LastFrameRepeated(real, prepared.run.given_frames or 1)
            if row := self._scores(baseline):
                yield baseline.name, row

    def generated(self, name: str, folder: SampleFolder) -> Row:
        """The scores of a row of generated samples, and how long one took.

        Args:
            name (`str`): the row.
            folder (`SampleFolder`): its samples.

        Returns:
            `Row`.
        """
        prepared, samples = self.prepared, folder
        if prepared.real is not prepared.measured or prepared.changed is not None:
            samples = MeasuredSamples(folder, prepared.measured, prepared.changed)
        row = self._scores(samples, self._likelihood(name, folder))
        if folder.seconds_per_sample is not None:
            row[SECONDS] = Score(folder.seconds_per_sample, len(folder))
        return row

    def chance(self) -> Row:
        """What guessing reaches, for the metrics that know it."""
        known = [metric for metric in self.prepared.metrics if metric.chance is not None and metric.kind in self.last]
        return {metric.name: metric.chance(self.last[metric.kind]) for metric in known}

    def _real(self) -> Row:
        real = hidden = self.prepared.measured
        inputs = next(iter(self.prepared.inputs.values()), None)
        if self.prepared.real is real and inputs is not None and inputs.task.known != "nothing":
            hidden = PartlyHidden(real, inputs)
        metrics = readable(self.prepared.metrics, hidden.has)
        of_hidden = {metric.kind for metric in metrics if "hidden" in fields_of(metric)}
        # What does not look at what is hidden is the same for every task, and kept once.
        others = [metric.kind for metric in metrics if metric.kind not in {*of_hidden, *self.compared}]
        features = {**self.compared, **self.store.read(others, real), **self.store.read(of_hidden, hidden)}
        return half_against_half(metrics, features, real.clips)

    def _scores(self, samples: SampleSet, likelihood: Features | None = None) -> Row:
        metrics = readable(self.prepared.metrics, samples.has)
        features = self.store.read([metric.kind for metric in metrics], samples)
        if likelihood is not None:
            features[LIKELIHOOD] = likelihood
            metrics = list(self.prepared.metrics)
        self.last = features
        return compute_metrics(metrics, features, self.compared)

    def _likelihood(self, name: str, folder: SampleFolder) -> Features | None:
        """Read once for all seeds, at the size of the checkpoint, whatever the size at which samples are measured."""
        if all(metric.kind != LIKELIHOOD for metric in self.prepared.metrics):
            return None
        if name in self.likelihoods:
            return self.likelihoods[name]
        pipeline, options = self.maker.pipeline, self.prepared.run.rows[name]
        inputs = self.prepared.inputs[name]
        reader = LikelihoodReader(
            pipeline,
            checkpoint_digest(pipeline),
            condition_on_known=options.get("condition_on_known", True),
            with_text=inputs.prompts is not None,
            with_sketch="sketch" in inputs.task.condition,
        )
        self.likelihoods[name] = self.store.read_with(reader, folder)
        return self.likelihoods[name]


def half_against_half(metrics: Sequence[Metric], features: Mapping[str, Features], clips: Sequence[int]) -> Row:
    """What metrics find in real samples themselves; those that compare sets compare two halves, every other clip.

    Args:
        metrics (`Sequence[Metric]`): the metrics.
        features (`Mapping[str, Features]`): of the real samples, by kind.
        clips (`Sequence[int]`): which clip each sample shows, as `first_places` gives it.

    Returns:
        `Row`: without the metrics that compare, for which a half has too few samples.
    """
    row = compute_metrics([metric for metric in metrics if not metric.compares], features)
    places = halves_of(clips)
    fewest = min(map(len, places))
    halved = [metric for metric in metrics if metric.compares and fewest >= metric.fewest_samples]
    row |= compute_metrics(halved, *(_at(half, features) for half in places))
    return {metric.name: row[metric.name] for metric in metrics if metric.name in row}


def file_name(name: str) -> str:
    """The name of a run or a row as that of a folder.

    Args:
        name (`str`): the name.

    Returns:
        `str`: of letters, digits and hyphens.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _at(places: Sequence[int], features: Mapping[str, Features]) -> dict[str, Features]:
    return {kind: {name: value[places] for name, value in own.items()} for kind, own in features.items()}


def _sampling(task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    sampling = {name: options[name] for name in SAMPLING_OPTIONS if name in options}
    if get_task(task).condition == "none":  # a task without a condition has no guidance
        sampling.pop("guidance_scale", None)
    return sampling
