# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""CLIP's text model as the text encoder of NUWA.

Legend: B batch, L text length, D hidden size of NUWA.
"""

import torch
from torch import nn
from transformers import CLIPTextModel
from transformers.modeling_outputs import BaseModelOutput

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig


class NuwaClipTextModel(CLIPTextModel):
    """transformers' `CLIPTextModel`, unaffected by a choice of nearby attention for the rest of NUWA."""

    def get_correct_attn_implementation(self, requested_attention: str | None, is_init_check: bool = False) -> str:
        """The attention implementation to use: transformers' default where nearby attention is requested.

        Args:
            requested_attention (`str`, *optional*): the requested implementation, possibly for NUWA as a whole.
            is_init_check (`bool`, defaults to `False`): passed on to transformers' checks.

        Returns:
            `str`: a name of transformers' attention interface.
        """
        if requested_attention is not None and requested_attention.startswith("nearby"):
            requested_attention = None
        return super().get_correct_attn_implementation(requested_attention, is_init_check)


class NuwaClipTextEncoder(nn.Module):
    """CLIP's text model, followed by a linear map to NUWA's hidden size.

        C = CLIP(text) W + b

    CLIP is causal: each token sees those before it, and only the last one sees the whole text. All tokens together
    form the condition.

    Args:
        config (`NuwaConfig`): a configuration with a `text_encoder_config`.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.clip = NuwaClipTextModel(config.text_encoder_config)
        self.projection = nn.Linear(config.text_encoder_config.hidden_size, config.hidden_size)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **outputs: bool
    ) -> BaseModelOutput:
        """Encode texts.

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`): text tokens of CLIP's tokenizer.
            attention_mask (`torch.BoolTensor` of shape `(B, L)`, *optional*): True at real tokens.
            outputs (`bool`): `output_hidden_states` and `output_attentions` of CLIP.

        Returns:
            `BaseModelOutput`: the projected output of the last layer, `(B, L, D)`, and, if requested, CLIP's hidden
            states and attention weights.
        """
        read = self.clip(input_ids, attention_mask=attention_mask, return_dict=True, **outputs)
        return BaseModelOutput(self.projection(read.last_hidden_state), read.hidden_states, read.attentions)
