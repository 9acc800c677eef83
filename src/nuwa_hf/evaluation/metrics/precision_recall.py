# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Precision and recall of a set of samples.

A frame's neighbourhood leaves out the T - 1 other frames of its own clip, which are nearer than those of other clips:
it reaches as many neighbours further.

Letters: B samples, T frames, F features.
"""

import torch
from torch import Tensor

from nuwa_hf.evaluation.features.eval_libraries import import_library
from nuwa_hf.evaluation.metrics.intervals import wilson_interval
from nuwa_hf.evaluation.metrics.metric import Score
from nuwa_hf.evaluation.metrics.set_features import as_rows, frames_per_sample


NEIGHBOURS = 3  # torch-fidelity's own
FEWEST_SAMPLES = NEIGHBOURS + 1
PART = 1000  # rows whose distances are worked out at a time: all of them at once fill the memory


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
    _check_rows(features, reference)
    return _share_among(features, reference)


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
    _check_rows(features, reference)
    return _share_among(reference, features)


def _neighbours(features: Tensor, reference: Tensor) -> int:
    return NEIGHBOURS + frames_per_sample([features, reference]) - 1


def _check_rows(features: Tensor, reference: Tensor) -> None:
    counts = [len(as_rows(side)) for side in (features, reference)]
    least = _neighbours(features, reference) + 1
    if min(counts) < least:
        raise ValueError(
            f"`features` and `reference` must hold at least {least} rows for precision and recall, got {counts[0]} "
            f"and {counts[1]}; give more samples."
        )


def _share_among(asked: Tensor, others: Tensor) -> Score:
    """One of the two shares; torch-fidelity works out both at once, for twice the distances."""
    distances = import_library("torch_fidelity.metric_prc").calc_cdist_part
    nearest = _neighbours(asked, others) + 1  # the nearest of all is the row itself
    rows, around = as_rows(asked), as_rows(others)
    reach = torch.cat([distances(part, around, PART).kthvalue(nearest).values for part in around.split(PART)])
    is_among = torch.cat([(distances(part, around, PART) <= reach).any(dim=1) for part in rows.split(PART)])
    share = is_among.double().mean().item()
    low, high = wilson_interval(share * len(asked), len(asked))
    return Score(share, min(len(asked), len(others)), low, high, "Wilson")
