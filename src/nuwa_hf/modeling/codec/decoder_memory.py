# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Memory that a decoder of diffusers takes, worked out from its sizes."""

import torch


def decoder_memory(channels: int, dtype: torch.dtype, num_frames: int, height: int, width: int) -> int:
    """Memory of a convolutional decoder beside its weights.

        5 frames Y X C e, C the width of the level of full size, e bytes of a number

    which is what its last residual block holds before the second convolution.

    Args:
        channels (`int`): C.
        dtype (`torch.dtype`): of the weights.
        num_frames (`int`): frames that are decoded at once, all videos together.
        height (`int`): pixel rows, Y.
        width (`int`): pixel columns, X.

    Returns:
        `int`: bytes.
    """
    return 5 * num_frames * height * width * channels * dtype.itemsize
