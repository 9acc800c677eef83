# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The Frechet distance between two sets of features."""

import torch
from torch import Tensor


def frechet_distance(features: Tensor, reference: Tensor) -> float:
    """Frechet distance between Gaussians fitted to two sets of features.

        |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2)

    On the judges' features this is the judge-FID. It cannot be compared with an FID, which is measured on
    Inception features, nor between different judges or numbers of clips.

    Args:
        features (`torch.Tensor` of shape `(N, F)`): one set, at least 2 rows.
        reference (`torch.Tensor` of shape `(M, F)`): the other, at least 2 rows.

    Returns:
        `float`: the distance, 0 for sets of equal mean and covariance.

    Raises:
        ValueError: If a set has fewer than 2 rows.
    """
    if min(len(features), len(reference)) < 2:
        raise ValueError(
            f"`features` and `reference` must hold at least 2 rows to have a covariance, "
            f"got {len(features)} and {len(reference)}."
        )
    # float64: the trace is a small difference of large numbers.
    first, second = features.double(), reference.double()
    first_covariance, second_covariance = torch.cov(first.T), torch.cov(second.T)
    root = symmetric_square_root(first_covariance)
    cross = symmetric_square_root(root @ second_covariance @ root)
    shift = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    trace = torch.trace(first_covariance) + torch.trace(second_covariance) - 2 * torch.trace(cross)
    return max(0.0, (shift + trace).item())


def symmetric_square_root(matrix: Tensor) -> Tensor:
    """Square root of a symmetric positive semi-definite matrix.

    Args:
        matrix (`torch.Tensor` of shape `(F, F)`): symmetric; eigenvalues below 0 are rounding and count as 0.

    Returns:
        `torch.Tensor` of shape `(F, F)`: symmetric, its square is `matrix`.
    """
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
