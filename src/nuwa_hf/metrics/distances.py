# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How far generated pixels are from real ones: PSNR, and the Frechet distance on the judges' features."""

import math

import torch
from torch import Tensor


def psnr(pixels: Tensor, reference: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio over all pixels of all clips together.

        PSNR = -10 log10(mean((pixels - reference)^2))          (peak 1)

    Args:
        pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        reference (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        mask (`torch.Tensor` of shape `(B, T, Y, X)`, bool, *optional*): count only these pixels.

    Returns:
        `float`: decibels; infinite for equal pixels.

    Raises:
        ValueError: If the mask counts no pixel.
    """
    error = (pixels.float() - reference.float()).square().mean(dim=2)
    counted = error if mask is None else error[mask]
    if counted.numel() == 0:
        raise ValueError("`mask` must count at least one pixel, got none; leave it out to count all.")
    mean = counted.mean().item()
    return math.inf if mean == 0 else -10 * math.log10(mean)


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
