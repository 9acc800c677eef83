# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The networks that an evaluation reads features with, what they need of a set, and the features of each set."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from nuwa_hf.evaluation.features.feature_kinds import KINDS, FeatureKind, parse_features
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.open_readers import open_readers
from nuwa_hf.evaluation.features.read_features import check_samples, read_all_features, read_features
from nuwa_hf.evaluation.judges.judge_kind import DIGITS, JUDGES
from nuwa_hf.evaluation.metrics.metric import Metric
from nuwa_hf.evaluation.metrics.metric_table import resolve_metrics
from nuwa_hf.evaluation.protocols.run import Run
from nuwa_hf.evaluation.samples.sample_set import SampleSet


# Read by the checkpoint itself, which is no network that a user names: one reader for each row of samples.
LIKELIHOOD = "likelihood"
ALL_KINDS: dict[str, FeatureKind] = {**KINDS, "judges": JUDGES, "digits": DIGITS}
FeaturePaths = Mapping[str, str | None] | Sequence[str]


def check_batch_size(batch_size: int) -> None:
    """Check how many samples are read or made at once, before anything is opened.

    Args:
        batch_size (`int`): as many.

    Raises:
        ValueError: If it is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1, got {batch_size}; use for example 16.")


class FeatureStore:
    """Readers by kind, and what they read out of sets, which is kept in a folder.

    Args:
        readers (`Mapping[str, FeatureReader]`): by kind.
        cache_dir (`Path`, *optional*): where features are kept.
        batch_size (`int`): samples at once.
    """

    def __init__(self, readers: Mapping[str, FeatureReader], cache_dir: Path | None, batch_size: int):
        self.readers = dict(readers)
        self.cache_dir = cache_dir
        self.batch_size = batch_size

    def read(self, kinds: Iterable[str], samples: SampleSet) -> dict[str, Features]:
        """The features of a set, whose samples are read once for all readers.

        Args:
            kinds (`Iterable[str]`): of the readers.
            samples (`SampleSet`): the set.

        Returns:
            `dict[str, Features]`: by kind.
        """
        readers = {kind: self.readers[kind] for kind in kinds}
        return read_all_features(readers, samples, batch_size=self.batch_size, cache_dir=self.cache_dir)

    def read_with(self, reader: FeatureReader, samples: SampleSet) -> Features:
        """The features of a set, by a reader that belongs to one row.

        Args:
            reader (`FeatureReader`): what reads.
            samples (`SampleSet`): the set.

        Returns:
            `Features`: as `read_features` gives them.
        """
        return read_features(reader, samples, batch_size=self.batch_size, cache_dir=self.cache_dir)

    def check(self, metrics: Iterable[Metric], samples: SampleSet) -> None:
        """Check that a set of these fields and this length has what metrics are worked out from.

        Args:
            metrics (`Iterable[Metric]`): the metrics.
            samples (`SampleSet`): the set; its pixels are not read.

        Raises:
            ValueError: If a field is missing, its labels are unknown to the classifier, or it has too few samples or
                frames.
        """
        for metric in metrics:
            if len(samples) < metric.fewest_samples:
                raise ValueError(
                    f"`{metric.name}` must have at least {metric.fewest_samples} samples, got {len(samples)}; give "
                    "more, or leave it out."
                )
            missing = sorted(fields_of(metric) - samples.has)
            if missing:
                raise ValueError(
                    f"`metrics` must be such as the samples have what they need: `{metric.name}` needs "
                    f"{' and '.join(missing)}, got samples with {', '.join(sorted(samples.has)) or 'none of these'}; "
                    "leave it out, choose another task, or give data that has them."
                )
            if metric.kind in self.readers:
                check_samples(self.readers[metric.kind], samples)
                self.readers[metric.kind].check_output(metric.output, samples)

    def check_labels(self, metrics: Iterable[Metric], labels: Sequence[str] | None) -> None:
        """Check that classifiers know the classes of samples.

        Args:
            metrics (`Iterable[Metric]`): the metrics.
            labels (`Sequence[str]`, *optional*): the class of each sample; None if they are known only as samples are
                read.

        Raises:
            ValueError: If a reader does not know a class.
        """
        if labels is None:
            return
        for kind in dict.fromkeys(metric.kind for metric in metrics if metric.kind in self.readers):
            check = getattr(self.readers[kind], "check", None)
            if check is not None:
                check(labels)


def fields_of(metric: Metric) -> frozenset[str]:
    """The optional fields of samples that a metric cannot do without.

    Args:
        metric (`Metric`): the metric.

    Returns:
        `frozenset[str]`: of the fields of `SampleBatch`.

    Raises:
        ValueError: If the kind of reader has no such output.
    """
    kind = metric.kind.partition("@")[0]
    if kind == LIKELIHOOD:
        return frozenset({"references"})
    outputs = ALL_KINDS[kind].outputs
    if metric.output not in outputs:
        raise ValueError(
            f"`metrics` must read an output that {kind!r} has, {', '.join(outputs)}, got `{metric.name}`, which reads "
            f"{metric.output!r}; write for example {metric.name.split('.')[0]}.{next(iter(outputs))}."
        )
    return outputs[metric.output]


def readable(metrics: Iterable[Metric], fields: Collection[str]) -> list[Metric]:
    """The metrics that need no more than some fields, and a reader that the user names.

    Args:
        metrics (`Iterable[Metric]`): all of them.
        fields (`Collection[str]`): that a set has.

    Returns:
        `list[Metric]`.
    """
    return [metric for metric in metrics if metric.kind != LIKELIHOOD and fields_of(metric) <= set(fields)]


def open_metrics(
    names: Sequence[str], features: FeaturePaths, device: str, also: Iterable[str] = ()
) -> tuple[dict[str, Metric], dict[str, FeatureReader]]:
    """The metrics of some names, and the readers that they need.

    Args:
        names (`Sequence[str]`): of metrics.
        features (`Mapping[str, str | None]` or `Sequence[str]`): kind to path, or texts such as `"clip=DIR"`.
        device (`str`): where readers work.
        also (`Iterable[str]`, defaults to `()`): kinds that are needed beside those of the metrics.

    Returns:
        `tuple[dict[str, Metric], dict[str, FeatureReader]]`: metrics by name, readers by kind.

    Raises:
        ValueError: If a metric is not known, or a reader that it needs is not given or cannot be opened.
    """
    texts = _as_texts(features) if isinstance(features, Mapping) else features
    kinds = [metric.kind for metric in resolve_metrics(names) if metric.kind != LIKELIHOOD]
    readers = open_readers([*kinds, *also], parse_features(texts, ALL_KINDS), device, ALL_KINDS)
    return {metric.name: metric for metric in resolve_metrics(names, readers)}, readers


def published_by_others(run: Run, metrics: Mapping[str, Metric], readers: Mapping[str, FeatureReader]) -> list[str]:
    """What to know of published figures that stand beside those of other weights.

    Args:
        run (`Run`): with published rows.
        metrics (`Mapping[str, Metric]`): by name.
        readers (`Mapping[str, FeatureReader]`): by kind.

    Returns:
        `list[str]`: a sentence, or none.
    """
    published = {name for row in run.published for name in row.scores}
    names = [name for name in run.metrics if name in published and _is_by_others(metrics[name], readers)]
    if not names:
        return []
    return [f"Published figures of {', '.join(names)} were read by other weights: they cannot be compared with ours."]


def _is_by_others(metric: Metric, readers: Mapping[str, FeatureReader]) -> bool:
    return metric.kind in readers and not readers[metric.kind].has_published_weights


def _as_texts(features: Mapping[str, str | None]) -> list[str]:
    return [kind if path is None else f"{kind}={path}" for kind, path in features.items()]
