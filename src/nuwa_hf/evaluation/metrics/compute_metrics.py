# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Scores worked out from features."""

import math
from collections.abc import Mapping, Sequence

from nuwa_hf.evaluation.features.feature_reader import Features
from nuwa_hf.evaluation.metrics.metric import Metric, Score


def compute_metrics(
    metrics: Sequence[Metric],
    features_by_kind: Mapping[str, Features],
    real_features_by_kind: Mapping[str, Features] | None = None,
) -> dict[str, Score]:
    """Work out the scores of one set of samples.

    Args:
        metrics (`Sequence[Metric]`): which ones.
        features_by_kind (`Mapping[str, Features]`): the outputs of each reader for the samples, by its kind.
        real_features_by_kind (`Mapping[str, Features]`, *optional*): those for the real set, for metrics that compare.

    Returns:
        `dict[str, Score]`: by the metrics' names, in their order.

    Raises:
        ValueError: If features are missing, are of fewer than 2 samples, or do not fit those of the real set; if a
            score comes out as no number. The features are checked before any score is worked out.
    """
    for metric in metrics:
        _check(metric, features_by_kind, real_features_by_kind)
    scores = {}
    for metric in metrics:
        real = real_features_by_kind[metric.kind] if metric.compares else None
        try:
            score = metric.compute(features_by_kind[metric.kind], real)
        except ValueError as error:
            raise ValueError(f"The metric `{metric.name}` cannot be worked out: {error}") from error
        if math.isnan(score.value):
            raise ValueError(
                f"The metric `{metric.name}` must come out as a number, got none from {score.samples} samples; look "
                f"for values that are not finite in the features `{metric.kind}`."
            )
        scores[metric.name] = score
    return scores


def _check(metric: Metric, own: Mapping[str, Features], real: Mapping[str, Features] | None) -> None:
    sides = {"features_by_kind": own}
    if metric.compares:
        if real is None:
            raise ValueError(
                f"`real_features_by_kind` must be given for `{metric.name}`, which compares with a real set; leave "
                "the metric out or give it."
            )
        sides["real_features_by_kind"] = real
    values = []
    for name, features in sides.items():
        if metric.kind not in features:
            raise ValueError(
                f"`{name}` must have the kind {metric.kind!r} for `{metric.name}`, got {sorted(features)}; read these "
                "features too."
            )
        outputs = features[metric.kind]
        if metric.output not in outputs:
            raise ValueError(
                f"`{name}[{metric.kind!r}]` must have the output {metric.output!r} for `{metric.name}`, got "
                f"{sorted(outputs)}; give samples that have what it is read from."
            )
        if len(outputs[metric.output]) < 2:
            raise ValueError(
                f"`{name}[{metric.kind!r}]` must be of at least 2 samples for `{metric.name}`, got "
                f"{len(outputs[metric.output])}; give more."
            )
        values.append(outputs[metric.output])
    if metric.compares and values[0].shape[-1] != values[1].shape[-1]:
        raise ValueError(
            f"`real_features_by_kind[{metric.kind!r}]` must be as long as those of the samples for `{metric.name}`, "
            f"got {values[1].shape[-1]} against {values[0].shape[-1]}; read both with the same network."
        )
