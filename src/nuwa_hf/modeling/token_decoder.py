# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The token decoder: causal nearby self-attention and nearby cross-attention, shared by all tasks.

Legend: B batch, N visual places, M condition places, D hidden size, A heads.
"""

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.attention import NuwaAttention
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.embeddings import NuwaVisualEmbeddings
from nuwa_hf.modeling.feed_forward import NuwaFeedForward
from nuwa_hf.modeling.modeling_outputs import NuwaCondition


class NuwaDecoderLayer(GradientCheckpointingLayer):
    """One layer, pre-norm: self- and cross-attention read the same input and are added, then the feed-forward.

        Y^l = Y^(l-1) + 3DNA(Y^(l-1), Y^(l-1)) + sum_c 3DNA(Y^(l-1), C_c)     (NUWA, section "3D Encoder-Decoder")

    The sum runs over the conditions, each on its own grid with its own window.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.window = config.window
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = NuwaAttention(config, is_causal=True)
        self.cross_attn = NuwaAttention(config, is_causal=False)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = NuwaFeedForward(config)
        self.dropout = nn.Dropout(config.hidden_dropout)

    def forward(
        self, hidden_states: torch.Tensor, grid: Grid, conditions: list[NuwaCondition]
    ) -> tuple[torch.Tensor, torch.Tensor | None, list[torch.Tensor | None]]:
        """Apply the layer to all places at once.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, N, D)`): the places.
            grid (`Grid`): their grid.
            conditions (`list[NuwaCondition]`): what the cross-attention reads.

        Returns:
            `tuple`: the new `(B, N, D)`, the self-attention weights `(B, A, N, N)` and a list of cross-attention
            weights `(B, A, N, M)`; weights are `None` unless the implementation is `"eager"`.
        """
        normed = self.attention_norm(hidden_states)
        attended, weights = self.self_attn(
            normed, key_value_states=normed, query_grid=grid, key_grid=grid, window=self.window
        )
        cross_weights = []
        for condition in conditions:
            crossed, crossed_weights = self.cross_attn(
                normed,
                key_value_states=condition.hidden_states,
                query_grid=grid,
                key_grid=condition.grid,
                window=condition.window,
                key_padding_mask=condition.key_padding_mask,
            )
            attended = attended + crossed
            cross_weights.append(crossed_weights)
        hidden_states = hidden_states + self.dropout(attended)
        hidden_states = hidden_states + self.dropout(self.feed_forward(self.feed_forward_norm(hidden_states)))
        return hidden_states, weights, cross_weights


class NuwaTokenDecoder(nn.Module):
    """Embeds visual tokens nearby, runs the layers and normalises (NUWA, section "3D Encoder-Decoder").

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.embeddings = NuwaVisualEmbeddings(config)
        self.layers = nn.ModuleList(NuwaDecoderLayer(config) for _ in range(config.num_decoder_layers))
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout)

    def forward(
        self, visual_tokens: torch.Tensor, conditions: list[NuwaCondition]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...], tuple, tuple]:
        """Teacher forcing: the hidden state that predicts each place's token, from the tokens before it.

        Args:
            visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): tokens in [0, codebook_size).
            conditions (`list[NuwaCondition]`): what the cross-attention reads.

        Returns:
            `tuple`: the normalised last layer `(B, N, D)`, the hidden states (input and each layer's output), the
            self-attention weights and the first condition's cross-attention weights of each layer.
        """
        grid = Grid(*visual_tokens.shape[1:])
        hidden_states = self.dropout(self.embeddings(visual_tokens))
        all_hidden_states, all_weights, all_cross_weights = (hidden_states,), (), ()
        for layer in self.layers:
            hidden_states, weights, cross_weights = layer(hidden_states, grid, conditions)
            all_hidden_states += (hidden_states,)
            all_weights += (weights,)
            all_cross_weights += (cross_weights[0] if cross_weights else None,)
        return self.norm(hidden_states), all_hidden_states, all_weights, all_cross_weights
