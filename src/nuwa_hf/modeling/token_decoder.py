# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The token decoder: causal nearby self-attention and nearby cross-attention, shared by all tasks.

Legend: B batch, N visual places, M condition places, D hidden size, A heads.
"""

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from nuwa_hf.generation.cache import StepCache
from nuwa_hf.generation.step_tables import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.attention import NuwaCrossAttention, NuwaSelfAttention
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.embeddings import NuwaVisualEmbeddings
from nuwa_hf.modeling.feed_forward import NuwaFeedForward
from nuwa_hf.modeling.laid_out_weights import apply_each
from nuwa_hf.modeling.modeling_outputs import NuwaCondition, NuwaModelOutput


class NuwaDecoderLayer(GradientCheckpointingLayer):
    """One pre-norm layer: self- and cross-attention of the same input are added, then the feed-forward follows.

        Y^l = Y^(l-1) + 3DNA(Y^(l-1), Y^(l-1)) + sum_c 3DNA(Y^(l-1), C_c)     (NUWA, section "3D Encoder-Decoder")

    The sum runs over the conditions, each on its own grid with its own window.

    Args:
        config (`NuwaConfig`): sizes.
        layer_idx (`int`): index of the layer in the decoder.
    """

    def __init__(self, config: NuwaConfig, layer_idx: int):
        super().__init__()
        self.window = config.window
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = NuwaSelfAttention(config, is_causal=True, layer_idx=layer_idx)
        self.cross_attn = NuwaCrossAttention(config, is_causal=False, layer_idx=layer_idx)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = NuwaFeedForward(config)
        self.dropout = nn.Dropout(config.hidden_dropout) if config.hidden_dropout else nn.Identity()

    def forward(
        self,
        hidden_states: torch.Tensor,
        *condition_states: torch.Tensor,
        conditions: list[NuwaCondition],
        grid: Grid,
        cache: StepCache | None = None,
        step: Step | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None, tuple[torch.Tensor | None, ...]]:
        """Apply the layer to all places at once or, with a cache, to those of one step.

        The conditions' hidden states are separate from the conditions, since reentrant gradient checkpointing only
        sees tensors among the positional arguments.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, N, D)`): hidden states of all places, or of those of the step.
            condition_states (`torch.Tensor` of shape `(B, M, D)`): the hidden states of each condition.
            conditions (`list[NuwaCondition]`): their grids, windows and masks.
            grid (`Grid`): the grid that the places belong to.
            cache (`StepCache`, *optional*): keys and values of earlier steps; those of this step are added to it.
            step (`Step`, *optional*): the places of this step; required with a cache.

        Returns:
            `tuple`: the new hidden states `(B, N, D)`, the self-attention weights `(B, A, N, N)` and a tuple of
            cross-attention weights `(B, A, N, M)`; weights are `None` unless the implementation is `"eager"` and
            there is no cache.
        """
        normed = self.attention_norm(hidden_states)
        linear = apply_each if cache is None else cache.linear
        own, cross = self.self_attn, self.cross_attn
        query, key, value, cross_query = linear(normed, own.q_proj, own.k_proj, own.v_proj, cross.q_proj)
        attended, weights = own(query, key, value, grid=grid, window=self.window, cache=cache, step=step)
        crossed, cross_weights = cross(cross_query, condition_states, conditions, grid=grid, cache=cache, step=step)
        hidden_states = hidden_states + self.dropout(attended + crossed)
        widened = self.feed_forward(self.feed_forward_norm(hidden_states), cache)
        return hidden_states + self.dropout(widened), weights, cross_weights


class NuwaTokenDecoder(nn.Module):
    """Embeds visual tokens, runs the layers and normalises (NUWA, section "3D Encoder-Decoder").

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__()
        self.embeddings = NuwaVisualEmbeddings(config)
        self.layers = nn.ModuleList(NuwaDecoderLayer(config, index) for index in range(config.num_decoder_layers))
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout) if config.hidden_dropout else nn.Identity()

    def forward(
        self,
        visual_tokens: torch.Tensor,
        conditions: list[NuwaCondition],
        *,
        cache: StepCache | None = None,
        step: Step | None = None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> NuwaModelOutput:
        """Compute the hidden state that predicts each place's token from the tokens before it.

        Without a cache, this covers all places at once (teacher forcing); with a cache, the places of one step.

        Args:
            visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): tokens in [0, codebook_size).
            conditions (`list[NuwaCondition]`): the conditions that the cross-attention reads.
            cache (`StepCache`, *optional*): keys and values of earlier steps; those of this step are added to it.
            step (`Step`, *optional*): the places of this step; the outputs then have n places instead of N.
            output_hidden_states (`bool`, defaults to `False`): whether to keep every layer's hidden states.
            output_attentions (`bool`, defaults to `False`): whether to keep every layer's attention weights.

        Returns:
            `NuwaModelOutput`: the normalised output of the last layer and, if requested, the hidden states (the input
            and each layer's output) and the attention weights.
        """
        grid = Grid(*visual_tokens.shape[1:]) if cache is None else cache.grid
        condition_states = [condition.hidden_states for condition in conditions]
        hidden_states = self.dropout(self.embeddings(visual_tokens, step))
        all_hidden_states, all_weights, all_cross_weights = (hidden_states,), (), ()
        for layer in self.layers:
            hidden_states, weights, cross_weights = layer(
                hidden_states, *condition_states, conditions=conditions, grid=grid, cache=cache, step=step
            )
            if output_hidden_states:
                all_hidden_states += (hidden_states,)
            if output_attentions:
                all_weights += (weights,)
                all_cross_weights += cross_weights[:1]
        return NuwaModelOutput(
            last_hidden_state=self.norm(hidden_states),
            decoder_hidden_states=all_hidden_states if output_hidden_states else None,
            decoder_attentions=all_weights if output_attentions else None,
            cross_attentions=all_cross_weights if output_attentions else None,
            encoder_last_hidden_state=condition_states[0],
            encoder_hidden_states=conditions[0].layer_states,
            encoder_attentions=conditions[0].layer_attentions,
        )
