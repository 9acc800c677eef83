# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the transformer returns, and the condition that its decoder reads.

Legend: B batch, N visual places in raster order, M condition places, D hidden size, A heads, V codebook size.
"""

from dataclasses import dataclass

import torch
from transformers.utils import ModelOutput

from nuwa_hf.grid import Grid


@dataclass(frozen=True)
class NuwaCondition:
    """An encoded condition on its own grid, as the decoder's cross-attention reads it.

    Args:
        hidden_states (`torch.Tensor` of shape `(B, M, D)`): the encoder's last layer. With `kinds`, a row for each
            kind.
        grid (`Grid`): the condition's grid, with `grid.numel == M`.
        window (`tuple`): full odd extents (t, h, w) of the nearby cross-attention; `None` on an axis means all of it.
        key_padding_mask (`torch.BoolTensor` of shape `(B, M)`, *optional*): True where a place may be seen.
        layer_states (`tuple` of `(B, M, D)`, *optional*): the encoder's input and the output of each layer.
        layer_attentions (`tuple` of `(B, A, M, M)`, *optional*): self-attention weights of each encoder layer.
        kinds (`torch.LongTensor` of shape `(B,)`, *optional*): in a sampling run, which row of `hidden_states` each
            item reads; each has its own by default.
    """

    hidden_states: torch.Tensor
    grid: Grid
    window: tuple[int | None, int | None, int | None]
    key_padding_mask: torch.Tensor | None = None
    layer_states: tuple[torch.Tensor, ...] | None = None
    layer_attentions: tuple[torch.Tensor, ...] | None = None
    kinds: torch.Tensor | None = None


@dataclass
class NuwaModelOutput(ModelOutput):
    """Output of `NuwaModel`.

    Args:
        last_hidden_state (`torch.Tensor` of shape `(B, N, D)`): the decoder's normalised last layer.
        decoder_hidden_states (`tuple` of `(B, N, D)`, *optional*): the decoder's input and the output of each layer.
        decoder_attentions (`tuple` of `(B, A, N, N)`, *optional*): self-attention weights of each decoder layer.
        cross_attentions (`tuple` of `(B, A, N, M)`, *optional*): weights over the text of each decoder layer.
        encoder_last_hidden_state (`torch.Tensor` of shape `(B, M, D)`): the encoded text.
        encoder_hidden_states (`tuple` of `(B, M, D)`, *optional*): the input of the text's encoder and the output of
            each layer; of CLIP's own size if CLIP reads the texts.
        encoder_attentions (`tuple` of `(B, A, M, M)`, *optional*): self-attention weights of each of its layers.
    """

    last_hidden_state: torch.Tensor | None = None
    decoder_hidden_states: tuple[torch.Tensor, ...] | None = None
    decoder_attentions: tuple[torch.Tensor, ...] | None = None
    cross_attentions: tuple[torch.Tensor, ...] | None = None
    encoder_last_hidden_state: torch.Tensor | None = None
    encoder_hidden_states: tuple[torch.Tensor, ...] | None = None
    encoder_attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class NuwaConditionalGenerationOutput(ModelOutput):
    """Output of `NuwaForConditionalGeneration`.

    Args:
        loss (`torch.Tensor` of shape `()`, *optional*): mean cross-entropy in nats over the labels that count.
        logits (`torch.Tensor` of shape `(B, T, H, W, V)`): scores of the token *at* each place, given the places
            before it; `(B, n, V)` for the places in `logits_to_keep` if it was given, or for those of a step.
        decoder_hidden_states (`tuple` of `(B, N, D)`, *optional*): the decoder's input and the output of each layer.
        decoder_attentions (`tuple` of `(B, A, N, N)`, *optional*): self-attention weights of each decoder layer.
        cross_attentions (`tuple` of `(B, A, N, M)`, *optional*): weights over the text of each decoder layer.
        encoder_last_hidden_state (`torch.Tensor` of shape `(B, M, D)`): the encoded text.
        encoder_hidden_states (`tuple` of `(B, M, D)`, *optional*): the input of the text's encoder and the output of
            each layer; of CLIP's own size if CLIP reads the texts.
        encoder_attentions (`tuple` of `(B, A, M, M)`, *optional*): self-attention weights of each of its layers.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    decoder_hidden_states: tuple[torch.Tensor, ...] | None = None
    decoder_attentions: tuple[torch.Tensor, ...] | None = None
    cross_attentions: tuple[torch.Tensor, ...] | None = None
    encoder_last_hidden_state: torch.Tensor | None = None
    encoder_hidden_states: tuple[torch.Tensor, ...] | None = None
    encoder_attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class NuwaGenerateOutput(ModelOutput):
    """Output of `NuwaForConditionalGeneration.generate`.

    Args:
        tokens (`torch.LongTensor` of shape `(B, T, H, W)`): visual tokens in [0, codebook_size); 0 at places that were
            not reached because a callback stopped the sampling.
        scores (`torch.Tensor` of shape `(B, T, H, W, V)`, *optional*): what each token was drawn by: logits after
            guidance, processors, temperature, top-k, top-p and min-p, those of excluded tokens minus infinity.
    """

    tokens: torch.Tensor | None = None
    scores: torch.Tensor | None = None
