# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Precision and recall of a set of samples.

A frame's neighbourhood leaves out the T - 1 other frames of its own clip, which are nearer than those of other clips:
it reaches as many neighbours further.

Letters: B samples, T frames, F features.
"""

from torch import Tensor

from nuwa_hf.evaluation.features.eval_libraries import import_library
from nuwa_hf.evaluation.metrics.intervals import wilson_interval
from nuwa_hf.evaluation.metrics.metric import Score
from nuwa_hf.evaluation.metrics.set_features import as_rows, frames_per_sample


NEIGHBOURS = 3  # torch-fidelity's own
FEWEST_SAMPLES = NEIGHBOURS + 1


def precision_score(features: Tensor, reference: Tensor) -> Score:
    """The share of the samples that lie among real ones: nearer to one than its third neighbour among them.

    Args:
        features (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of the samples.
        reference (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of the real set.

    Returns:
        `Score`: in [0, 1]. The Wilson interval takes all frames of a sample as one trial, for they are not
        independent.

    Raises:
        ValueError: If a set has no third neighbour, fewer than T + 3 rows, or torch-fidelity is not there.
    """
    return _share(_torch_fidelity(features, reference)[0], features, reference)


def recall_score(features: Tensor, reference: Tensor) -> Score:
    """The share of the real samples that lie among generated ones: nearer to one than its third neighbour among them.

    Args:
        features (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of the samples.
        reference (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of the real set.

    Returns:
        `Score`: in [0, 1]. The Wilson interval takes all frames of a sample as one trial, for they are not
        independent.

    Raises:
        ValueError: If a set has no third neighbour, fewer than T + 3 rows, or torch-fidelity is not there.
    """
    return _share(_torch_fidelity(features, reference)[1], reference, features)


def _torch_fidelity(features: Tensor, reference: Tensor) -> tuple[float, float]:
    metric_prc = import_library("torch_fidelity.metric_prc")
    first, second = as_rows(features), as_rows(reference)
    neighbours = NEIGHBOURS + frames_per_sample([features, reference]) - 1
    if min(len(first), len(second)) <= neighbours:
        raise ValueError(
            f"`features` and `reference` must hold at least {neighbours + 1} rows for precision and recall, got "
            f"{len(first)} and {len(second)}; give more samples."
        )
    # A thousand rows of distances at a time: all of them at once fill the memory.
    found = metric_prc.prc_features_to_metric(
        first, second, prc_neighborhood=neighbours, prc_batch_size=1000, save_cpu_ram=True, verbose=False
    )
    return found[metric_prc.KEY_METRIC_PRECISION], found[metric_prc.KEY_METRIC_RECALL]


def _share(share: float, asked: Tensor, others: Tensor) -> Score:
    rows = len(as_rows(asked))
    share = round(share * rows) / rows  # torch-fidelity's mean is in float32
    low, high = wilson_interval(share * len(asked), len(asked))
    return Score(share, min(len(asked), len(others)), low, high, "Wilson")
