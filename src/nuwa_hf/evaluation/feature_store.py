# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The networks that an evaluation reads features with, and the features of each set."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from nuwa_hf.evaluation.features.blurred_reader import BlurredReader
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.features.open_reader import open_reader, parse_features
from nuwa_hf.evaluation.features.read_features import read_features
from nuwa_hf.evaluation.metrics.metric import Metric
from nuwa_hf.evaluation.metrics.metric_table import resolve_metrics
from nuwa_hf.evaluation.samples.sample_set import SampleSet


Readers = Mapping[str, str | Path | None | FeatureReader]
LIKELIHOOD = "likelihood"  # read by the checkpoint itself, which is no network of `--features`


class FeatureStore:
    """Readers by kind. What they read out of a set is kept in a folder.

    Args:
        readers (`Mapping[str, FeatureReader]`): by kind.
        cache_dir (`Path`): where features are kept.
        batch_size (`int`): samples at once.
    """

    def __init__(self, readers: Mapping[str, FeatureReader], cache_dir: Path, batch_size: int):
        self.readers = dict(readers)
        self.cache_dir = cache_dir
        self.batch_size = batch_size

    def read(self, kinds: Iterable[str], samples: SampleSet) -> dict[str, Features]:
        """The features of a set.

        Args:
            kinds (`Iterable[str]`): of the readers.
            samples (`SampleSet`): the set.

        Returns:
            `dict[str, Features]`: by kind.
        """
        return {
            kind: read_features(self.readers[kind], samples, batch_size=self.batch_size, cache_dir=self.cache_dir)
            for kind in dict.fromkeys(kinds)
        }

    def readable(self, metrics: Sequence[Metric], fields: Collection[str]) -> list[Metric]:
        """The metrics whose readers need no more than some fields.

        Args:
            metrics (`Sequence[Metric]`): all of them.
            fields (`Collection[str]`): that a set has.

        Returns:
            `list[Metric]`.
        """
        known = [metric for metric in metrics if metric.kind in self.readers]
        return [metric for metric in known if self.readers[metric.kind].needs <= set(fields)]


def open_metrics(
    names: Sequence[str], features: Readers | Sequence[str], device: str
) -> tuple[dict[str, Metric], dict[str, FeatureReader]]:
    """The metrics of some names, and the readers that they need.

    Args:
        names (`Sequence[str]`): of metrics.
        features (`Mapping` or `Sequence[str]`): kind to path, reader or None; or texts such as `"clip=DIR"`.
        device (`str`): where readers work.

    Returns:
        `tuple[dict[str, Metric], dict[str, FeatureReader]]`: metrics by name, readers by kind.

    Raises:
        ValueError: If a metric is not known, or a reader that it needs is not given or cannot be opened.
    """
    given = dict(features) if isinstance(features, Mapping) else parse_features(features)
    resolve_metrics(names)
    kinds = dict.fromkeys(metric.kind for metric in resolve_metrics(names))
    readers = {kind: _open(kind, given, device) for kind in kinds if kind != LIKELIHOOD}
    titles = {kind: reader.title for kind, reader in readers.items()}
    return {metric.name: metric for metric in resolve_metrics(names, titles)}, readers


def _open(kind: str, given: Readers, device: str) -> FeatureReader:
    base, _, radius = kind.partition("@")
    if radius:
        return BlurredReader(_open(base, given, device), int(radius))
    found = given.get(base)
    return found if callable(found) else open_reader(base, found, device)
