# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Features of two sets as rows to compare.

Letters: B samples, T frames, F features, N rows.
"""

from collections.abc import Sequence

from torch import Tensor


def as_rows(features: Tensor) -> Tensor:
    """Every frame, or every clip, as a row of float64: differences of large sums lose what float32 has.

    Args:
        features (`torch.Tensor` of shape `(B, F)` or `(B, T, F)`): of clips or of their frames.

    Returns:
        `torch.DoubleTensor` of shape `(N, F)`: N = B or B T.
    """
    return features.flatten(end_dim=-2).double()


def frames_per_sample(sets: Sequence[Tensor]) -> int:
    """How many rows of `as_rows` come from one sample; they are not independent of each other.

    Args:
        sets (`Sequence[torch.Tensor]`, each of shape `(B, F)` or `(B, T, F)`): the sets that are compared.

    Returns:
        `int`: the largest T, 1 without frames.
    """
    return max(features.shape[1] if features.ndim == 3 else 1 for features in sets)
