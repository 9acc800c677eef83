# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The same codec, and the same transformer, with another number of codes.

Letters: V codes before, W codes after, D width of a code or of the transformer.
"""

from collections.abc import Callable

import torch

from nuwa_hf.modeling.autoencoder_vqgan import NuwaVQGAN
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration


ROWS_OF_CODES = ("model.decoder.embeddings.token_embedding.weight", "head.weight")


def vqgan_with_codes(vqgan: NuwaVQGAN, codes: torch.Tensor) -> NuwaVQGAN:
    """The same codec with other codes.

    Args:
        vqgan (`NuwaVQGAN`): a codec with the quantizer `"nearest"`; not changed.
        codes (`torch.Tensor` of shape `(W, D)`): the codes.

    Returns:
        `NuwaVQGAN`: with `codebook_size` W, in evaluation mode.
    """
    sizes = {name: value for name, value in vqgan.config.items() if not name.startswith("_")}  # without its path
    other = NuwaVQGAN.from_config({**sizes, "codebook_size": len(codes)})
    state = {name: tensor for name, tensor in vqgan.state_dict().items() if not name.startswith("quantize.")}
    other.load_state_dict({**other.state_dict(), **state})
    other.quantize.write_codebook(codes)
    return other.eval()


def transformer_with_codes(
    transformer: NuwaForConditionalGeneration,
    codebook_size: int,
    change: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> NuwaForConditionalGeneration:
    """The same transformer with other embeddings and other rows of the head for the visual tokens.

    Its configuration has no digest of the codec, which is another one now.

    Args:
        transformer (`NuwaForConditionalGeneration`): the transformer; not changed.
        codebook_size (`int`): W.
        change (`Callable`): makes the rows, of shape `(W, D)`, from those before, of shape `(V, D)`, and from fresh
            ones, of shape `(W, D)`.

    Returns:
        `NuwaForConditionalGeneration`: with `codebook_size` W, in evaluation mode.
    """
    config = {**transformer.config.to_dict(), "codebook_size": codebook_size, "vqgan_digest": None}
    other = NuwaForConditionalGeneration(type(transformer.config).from_dict(config))
    state, fresh = transformer.state_dict(), other.state_dict()
    other.load_state_dict({**state, **{name: change(state[name], fresh[name]) for name in ROWS_OF_CODES}})
    other.generation_config = transformer.generation_config
    return other.eval()
