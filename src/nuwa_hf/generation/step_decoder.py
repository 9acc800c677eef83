# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The token decoder for a few places at a time: what teacher forcing computes for all, from keys and values kept.

Legend: B batch, n places of one step, S slots, D hidden size, A heads, E head size, V codebook size.
"""

import torch
from torch import nn

from nuwa_hf.generation.cache import CachedCondition, StepCache
from nuwa_hf.generation.step_linear import step_linear
from nuwa_hf.generation.step_plan import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.modeling_nuwa import NuwaForConditionalGeneration
from nuwa_hf.modeling.modeling_outputs import NuwaCondition
from nuwa_hf.modeling.token_decoder import NuwaDecoderLayer


def products_of(layer: NuwaDecoderLayer) -> tuple[tuple[nn.Module, ...], ...]:
    """The linear layers of each product of a step.

    Args:
        layer (`NuwaDecoderLayer`): the layer.

    Returns:
        `tuple[tuple[nn.Module, ...], ...]`: keys, values and queries of the self-attention with the queries of the
        cross-attention; both output projections; both of the feed-forward.
    """
    own, cross, feed_forward = layer.self_attn, layer.cross_attn, layer.feed_forward
    together = (own.k_proj, own.v_proj, own.q_proj, cross.q_proj)
    return together, (own.o_proj,), (cross.o_proj,), (feed_forward.up_proj,), (feed_forward.down_proj,)


class StepLayer:
    """A `NuwaDecoderLayer` with its weights laid out for steps: the products that read the same input are one.

    Args:
        layer (`NuwaDecoderLayer`): the layer.
        conditions (`list[CachedCondition]`): its conditions.
    """

    def __init__(self, layer: NuwaDecoderLayer, conditions: list[CachedCondition]):
        self.num_heads = layer.self_attn.num_heads
        self.conditions = conditions
        self.attention_norm, self.feed_forward_norm = layer.attention_norm, layer.feed_forward_norm
        products = (step_linear(*linears) for linears in products_of(layer))
        self.in_proj, self.self_out, self.cross_out, self.up_proj, self.down_proj = products

    def __call__(
        self, hidden_states: torch.Tensor, step: Step, bias: torch.Tensor, cache: StepCache, layer_index: int
    ) -> torch.Tensor:
        """Apply the layer to the places of a step; their keys and values are added to the cache.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, n, D)`): the places.
            step (`Step`): where they stand.
            bias (`torch.Tensor` of shape `(n, S)`): what they see, as `StepCache.visible` gives it.
            cache (`StepCache`): keys and values; changed in place.
            layer_index (`int`): which layer this is.

        Returns:
            `torch.Tensor` of shape `(B, n, D)`.
        """
        projected = self.in_proj(self.attention_norm(hidden_states))
        states = projected.unflatten(-1, (4, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # (4, B, A, n, E)
        attended = cache.attend(layer_index, step, states[2], states[:2], bias)
        crossed = sum(condition.attend(states[3], step.places) for condition in self.conditions)
        attended, crossed = (heads.transpose(1, 2).flatten(2) for heads in (attended, crossed))
        hidden_states = hidden_states + self.self_out(attended) + self.cross_out(crossed)
        widened = nn.functional.gelu(self.up_proj(self.feed_forward_norm(hidden_states)))
        return hidden_states + self.down_proj(widened)


class StepDecoder:
    """Decoder and head of a model, ready for one sampling: weights laid out, conditions read, cache empty.

    Args:
        model (`NuwaForConditionalGeneration`): the model.
        grid (`Grid`): the visual grid, at most the learnt one.
        num_slots (`int`): S, of the plan of steps.
        conditions (`list[NuwaCondition]`): what the cross-attention reads.
    """

    def __init__(
        self, model: NuwaForConditionalGeneration, grid: Grid, num_slots: int, conditions: list[NuwaCondition]
    ):
        decoder = model.model.decoder
        self.embeddings, self.norm = decoder.embeddings, decoder.norm
        self.positions = decoder.embeddings.positions(grid)
        self.cache = StepCache(decoder.layers, model.config, num_slots, grid, conditions)
        self.layers = [StepLayer(*pair) for pair in zip(decoder.layers, self.cache.conditions, strict=True)]
        self.head = step_linear(model.head)

    def __call__(self, visual_tokens: torch.Tensor, step: Step) -> torch.Tensor:
        """Run the layers for the places of a step.

        Args:
            visual_tokens (`torch.LongTensor` of shape `(B, R H W)`): the tokens that are kept.
            step (`Step`): the places.

        Returns:
            `torch.Tensor` of shape `(B, n, D)`, normalised: what the head reads.
        """
        embedded = self.embeddings.token_embedding(visual_tokens[:, step.near])
        hidden_states = self.embeddings.from_neighbors(embedded, step.inside, self.positions[step.positions])
        bias = self.cache.visible(step)
        for index, layer in enumerate(self.layers):
            hidden_states = layer(hidden_states, step, bias, self.cache, index)
        return self.norm(hidden_states)
