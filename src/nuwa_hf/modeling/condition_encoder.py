# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The condition encoder: layers of nearby self-attention over the grid of a condition.

Legend: B batch, M condition places, D hidden size.
"""

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.attention import NuwaSelfAttention
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.feed_forward import NuwaFeedForward
from nuwa_hf.modeling.laid_out_weights import apply_each


class NuwaEncoderLayer(GradientCheckpointingLayer):
    """One pre-norm layer: `C <- C + 3DNA(C, C)`, followed by the feed-forward.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = NuwaSelfAttention(config, is_causal=False)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = NuwaFeedForward(config)
        self.dropout = nn.Dropout(config.hidden_dropout) if config.hidden_dropout else nn.Identity()

    def forward(self, hidden_states, grid, window, key_padding_mask=None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Apply the layer.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, M, D)`): the condition.
            grid (`Grid`): its grid.
            window (`tuple`): full odd extents (t, h, w); `None` on an axis means all of it.
            key_padding_mask (`torch.BoolTensor` of shape `(B, M)`, *optional*): True where a place may be seen.

        Returns:
            `tuple`: the new hidden states `(B, M, D)`, and the weights `(B, A, M, M)` if the implementation is
            `"eager"`.
        """
        own = self.self_attn
        projected = apply_each(self.attention_norm(hidden_states), own.q_proj, own.k_proj, own.v_proj)
        attended, weights = own(*projected, grid=grid, window=window, key_padding_mask=key_padding_mask)
        hidden_states = hidden_states + self.dropout(attended)
        widened = self.feed_forward(self.feed_forward_norm(hidden_states))
        return hidden_states + self.dropout(widened), weights


class NuwaConditionEncoder(nn.Module):
    """The stack `C^l = 3DNA(C^(l-1), C^(l-1))` (NUWA, section "3D Encoder-Decoder"), for a condition of any grid.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.layers = nn.ModuleList(NuwaEncoderLayer(config) for _ in range(config.num_encoder_layers))
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(
        self,
        hidden_states: torch.Tensor,
        grid: Grid,
        window: tuple[int | None, int | None, int | None],
        key_padding_mask: torch.Tensor | None = None,
        *,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> BaseModelOutput:
        """Encode a condition.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, M, D)`): embedded condition with its positions.
            grid (`Grid`): its grid.
            window (`tuple`): full odd extents (t, h, w); `None` on an axis means all of it.
            key_padding_mask (`torch.BoolTensor` of shape `(B, M)`, *optional*): True where a place may be seen.
            output_hidden_states (`bool`, defaults to `False`): whether to keep every layer's hidden states.
            output_attentions (`bool`, defaults to `False`): whether to keep every layer's attention weights.

        Returns:
            `BaseModelOutput`: the normalised output of the last layer, `(B, M, D)`, and, if requested, the hidden
            states (the input and each layer's output) and the attention weights.
        """
        all_hidden_states, all_weights = (hidden_states,), ()
        for layer in self.layers:
            hidden_states, weights = layer(hidden_states, grid, window, key_padding_mask)
            if output_hidden_states:
                all_hidden_states += (hidden_states,)
            if output_attentions:
                all_weights += (weights,)
        return BaseModelOutput(
            last_hidden_state=self.norm(hidden_states),
            hidden_states=all_hidden_states if output_hidden_states else None,
            attentions=all_weights if output_attentions else None,
        )
