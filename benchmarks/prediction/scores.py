# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The scores of video prediction, as OpenSTL counts them (openstl/core/metrics.py).

Letters: B clips, T frames, Y, X pixel rows and columns.
"""

from torch import Tensor
from torch.nn import functional


WINDOW = 7  # pixels
# scikit-image up to 0.19.3 takes floats to lie in [-1, 1] if it is not told otherwise, and OpenSTL does not tell it.
DATA_RANGE = 2.0


def squared_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """The squared error, summed over the pixels of a frame, mean over frames.

    Args:
        predicted (`torch.Tensor` of shape `(B, T, Y, X)`): in [0, 1].
        truth (`torch.Tensor` of shape `(B, T, Y, X)`): in [0, 1].

    Returns:
        `torch.Tensor` of shape `(B,)`.
    """
    return (predicted - truth).square().sum(dim=(2, 3)).mean(dim=1)


def structural_similarity(predicted: Tensor, truth: Tensor) -> Tensor:
    """SSIM with windows of 7 x 7 pixels, mean over frames.

    Args:
        predicted (`torch.Tensor` of shape `(B, T, Y, X)`): in [0, 1].
        truth (`torch.Tensor` of shape `(B, T, Y, X)`): in [0, 1].

    Returns:
        `torch.Tensor` of shape `(B,)`.
    """
    first, second = predicted.double(), truth.double()

    def mean(values: Tensor) -> Tensor:
        return functional.avg_pool2d(values, WINDOW, stride=1)

    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    mean_1, mean_2 = mean(first), mean(second)
    variance_1 = unbiased * (mean(first * first) - mean_1 * mean_1)
    variance_2 = unbiased * (mean(second * second) - mean_2 * mean_2)
    covariance = unbiased * (mean(first * second) - mean_1 * mean_2)
    c_1, c_2 = (0.01 * DATA_RANGE) ** 2, (0.03 * DATA_RANGE) ** 2
    above = (2 * mean_1 * mean_2 + c_1) * (2 * covariance + c_2)
    below = (mean_1**2 + mean_2**2 + c_1) * (variance_1 + variance_2 + c_2)
    return (above / below).mean(dim=(1, 2, 3))
