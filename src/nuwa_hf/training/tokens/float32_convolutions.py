# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Makes a process work out convolutions in whole float32."""

import torch


def keep_float32() -> None:
    """Tells cuDNN to round no float32 to TF32, for the rest of the process.

    By default convolutions on a GPU read their input and weights with ten bits, which moves tokens as half precision
    does, if fewer. Products of matrices are in whole float32 unless somebody asks for less.
    """
    # The old switch and not `conv.fp32_precision`: it sets both, and with the new one alone torch refuses to read the
    # old one, as its compiler and its own `flags` do.
    torch.backends.cudnn.allow_tf32 = False
