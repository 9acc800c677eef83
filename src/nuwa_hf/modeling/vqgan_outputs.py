# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What `NuwaVQGAN` returns.

All fields but the first may be None: Accelerate rebuilds an output from a dictionary, given in place of the first.

Shapes: B batch, C channels, T frames, Y and X pixel rows and columns, t, h, w token grid, D width of a code.
"""

from dataclasses import dataclass

import torch
from diffusers.utils import BaseOutput


@dataclass
class NuwaVQGANEncoderOutput(BaseOutput):
    """Output of `NuwaVQGAN.encode`.

    Args:
        tokens (`torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`): indices into the codebook.
        latents (`torch.Tensor` of shape `(B, D, h, w)` or `(B, t, D, h, w)`): the latents before quantisation.
    """

    tokens: torch.LongTensor
    latents: torch.Tensor = None


@dataclass
class NuwaVQGANDecoderOutput(BaseOutput):
    """Output of `NuwaVQGAN.decode`.

    Args:
        sample (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): pixels, about [-1, 1], not clamped.
    """

    sample: torch.Tensor


@dataclass
class NuwaVQGANOutput(BaseOutput):
    """Output of `NuwaVQGAN.forward`.

    Args:
        sample (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): reconstruction, about [-1, 1].
        latents (`torch.Tensor` of shape `(B, D, h, w)` or `(B, t, D, h, w)`): the latents before quantisation.
        quantized (`torch.Tensor` of the shape of `latents`): the codes; their gradient goes to `latents` unchanged.
        tokens (`torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`): indices into the codebook.
        codebook_loss (`torch.Tensor`, a scalar): moves the codes to the latents.
        commitment_loss (`torch.Tensor`, a scalar): moves the latents to the codes, weighted by `commitment_weight`.
    """

    sample: torch.Tensor
    latents: torch.Tensor = None
    quantized: torch.Tensor = None
    tokens: torch.LongTensor = None
    codebook_loss: torch.Tensor = None
    commitment_loss: torch.Tensor = None
