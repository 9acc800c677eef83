# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the pipelines return."""

from dataclasses import dataclass

import numpy as np
import PIL.Image
import torch
from diffusers.utils import BaseOutput


@dataclass
class NuwaImagePipelineOutput(BaseOutput):
    """Generated images, as pictures and as visual tokens.

    Args:
        images (`list[PIL.Image.Image]`, `np.ndarray` or `torch.Tensor`): the B images. With `output_type="pil"` a
            list; `"np"` an array of shape `(B, Y, X, 3)` and `"pt"` a tensor of shape `(B, 3, Y, X)`, both in [0, 1];
            `"latent"` the tokens themselves.
        tokens (`torch.LongTensor` of shape `(B, 1, H, W)`): the visual tokens, each in [0, codebook size).
    """

    images: list[PIL.Image.Image] | np.ndarray | torch.Tensor
    tokens: torch.Tensor


@dataclass
class NuwaVideoPipelineOutput(BaseOutput):
    """Generated videos, as pictures and as visual tokens.

    Args:
        frames (`list[list[PIL.Image.Image]]`, `np.ndarray` or `torch.Tensor`): the B videos. With
            `output_type="pil"` a list of B lists of T images; `"np"` an array of shape `(B, T, Y, X, 3)` and `"pt"` a
            tensor of shape `(B, T, 3, Y, X)`, both in [0, 1]; `"latent"` the tokens themselves.
        tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the visual tokens, each in [0, codebook size).
    """

    frames: list[list[PIL.Image.Image]] | np.ndarray | torch.Tensor
    tokens: torch.Tensor
