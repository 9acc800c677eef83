# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The Frechet distance between two sets of features; on Inception's it is the FID, on I3D's the FVD.

Letters: B samples, T frames, F features.
"""

import torch
from torch import Tensor

from nuwa_hf.evaluation.features.eval_libraries import import_library
from nuwa_hf.evaluation.metrics.metric import Score
from nuwa_hf.evaluation.metrics.set_features import as_rows


def frechet_distance(features: Tensor, reference: Tensor) -> float:
    """Frechet distance between Gaussians fitted to two sets of features, as torch-fidelity works it out.

        |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2)

    It grows as sets become smaller, so it can be compared only at one number of samples and on one network's features.

    Args:
        features (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): one set; every frame counts.
        reference (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): the other.

    Returns:
        `float`: the distance, 0 for sets of equal mean and covariance.

    Raises:
        ValueError: If a set has fewer than 2 rows, or torch-fidelity is not there.
    """
    metric_fid = import_library("torch_fidelity.metric_fid")
    first, second = as_rows(features), as_rows(reference)
    if min(len(first), len(second)) < 2:
        raise ValueError(
            f"`features` and `reference` must hold at least 2 rows to have a covariance, got {len(first)} and "
            f"{len(second)}; give more samples."
        )
    if len(first) + len(second) < first.shape[1]:
        # Fewer rows than features: they span a small space, where distances are the same. The covariances of the whole
        # space have thousands of eigenvalues 0 there, whose rounding is all that they would add.
        basis = torch.linalg.qr(torch.cat([first, second]).T).Q
        first, second = first @ basis, second @ basis
    statistics = [metric_fid.fid_features_to_statistics(side) for side in (first, second)]
    distance = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)[metric_fid.KEY_METRIC_FID]
    # Rounding takes that of equal sets below 0.
    return max(0.0, distance)


def frechet_score(features: Tensor, reference: Tensor) -> Score:
    """`frechet_distance` as a score. It has no interval but over seeds: a resampled set is further from any other.

    Args:
        features (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of the samples.
        reference (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of the real set.

    Returns:
        `Score`: from as many samples as the smaller set has.

    Raises:
        ValueError: If torch-fidelity is not there.
    """
    return Score(frechet_distance(features, reference), min(len(features), len(reference)))
