# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Runs taming's own encoder, quantiser and decoder to compare with a `NuwaVQGAN`. Only this needs its package.

`pip install --no-deps taming-transformers-rom1504==0.0.6` is enough: its training code and the dependencies of that
are not imported.
"""

import contextlib
import io
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import nn

from nuwa_hf.conversion.taming_config import ATTENTIONS, QUANTIZERS
from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN


PACKAGE = "taming-transformers-rom1504==0.0.6"
PIXEL_TOLERANCE = 1e-4  # float32 sums in another order, over some thirty layers
VERIFIED_TOKENS = 8  # rows and columns of tokens of the pictures that are compared


class TamingResult(NamedTuple):
    """The output of taming's code.

    Args:
        tokens (`torch.LongTensor` of shape `(B, h, w)`): the tokens.
        pixels (`torch.Tensor` of shape `(B, C, Y, X)`): these tokens decoded.
    """

    tokens: torch.LongTensor
    pixels: torch.Tensor


def check_taming() -> None:
    """Check that taming's package is installed.

    Raises:
        ValueError: If it is not installed.
    """
    if find_spec("taming") is None:
        raise ValueError(f"`--verify` runs taming's code; install it: pip install --no-deps {PACKAGE}")


class TamingCodec(nn.Module):
    """Encoder, quantiser and decoder of taming's models, built from its own modules.

    Args:
        model (`Mapping[str, Any]`): `target` and `params` of the configuration.
    """

    def __init__(self, model: Mapping[str, Any]):
        super().__init__()
        networks = import_module("taming.modules.diffusionmodules.model")
        quantizers = import_module("taming.modules.vqvae.quantize")
        params = model["params"]
        sizes, width, count = params["ddconfig"], params["embed_dim"], params["n_embed"]
        has_attention = ATTENTIONS[sizes.get("attn_type", "vanilla")]
        if not has_attention:
            sizes = {**sizes, "attn_resolutions": []}
        with contextlib.redirect_stdout(io.StringIO()):  # the decoder prints its shape
            self.encoder = networks.Encoder(**sizes)
            self.decoder = networks.Decoder(**sizes)
        if not has_attention:  # taming's code reads over what only latent-diffusion's knows
            self.encoder.mid.attn_1 = self.decoder.mid.attn_1 = nn.Identity()
        self.quant_conv = nn.Conv2d(sizes["z_channels"], width, 1)
        self.post_quant_conv = nn.Conv2d(width, sizes["z_channels"], 1)
        self.is_gumbel = QUANTIZERS[model["target"]] == "gumbel"
        if self.is_gumbel:
            self.quantize = quantizers.GumbelQuantize(sizes["z_channels"], width, n_embed=count)
        else:
            self.quantize = quantizers.VectorQuantizer2(count, width, beta=0.25, sane_index_shape=True)

    @torch.no_grad()
    def forward(self, pixels: torch.Tensor) -> TamingResult:
        """Encodes and decodes.

        Args:
            pixels (`torch.Tensor` of shape `(B, C, Y, X)`): pictures in [-1, 1].

        Returns:
            `TamingResult`: tokens and what they decode to.
        """
        latents = self.quant_conv(self.encoder(pixels))
        # The Gumbel quantiser's forward draws noise, also in evaluation; taming's users take the tokens like this.
        tokens = self.quantize.proj(latents).argmax(1) if self.is_gumbel else self.quantize(latents)[2][2]
        batch_size, height, width = tokens.shape
        shape = (batch_size, height, width, self.post_quant_conv.in_channels)
        codes = self.quantize.get_codebook_entry(tokens.reshape(-1), shape)
        return TamingResult(tokens, self.decoder(self.post_quant_conv(codes)))


def compare_with_taming(vqgan: NuwaVQGAN, model: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> str:
    """Runs taming's code and a codec on the same random pictures.

    Args:
        vqgan (`NuwaVQGAN`): the codec, in float32.
        model (`Mapping[str, Any]`): taming's `target` and `params`.
        state (`Mapping[str, torch.Tensor]`): taming's tensors; those of its training are left out.

    Returns:
        `str`: what was compared.

    Raises:
        ValueError: If a token differs, or a pixel by more than 1e-4.
    """
    with torch.device("meta"):
        codec = TamingCodec(model)
    names = codec.state_dict().keys()
    codec.load_state_dict({name: state[name].float() for name in names if name in state}, assign=True)
    codec.eval()
    side = VERIFIED_TOKENS * vqgan.spatial_factor
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, vqgan.config.in_channels, side, side, generator=generator) * 2 - 1
    theirs = codec(pixels)
    ours = vqgan.encode(pixels).tokens
    different = int((ours != theirs.tokens).sum())
    if different:
        raise ValueError(f"{different} of {ours.numel()} tokens differ from those of taming's code.")
    with torch.no_grad():
        difference = float((vqgan.decode(ours).sample - theirs.pixels).abs().max())
    if not difference <= PIXEL_TOLERANCE:
        raise ValueError(f"Pixels differ by up to {difference:.1e} from those of taming's code.")
    return f"{ours.numel()} tokens are those of taming's code, pixels differ by at most {difference:.1e}"
