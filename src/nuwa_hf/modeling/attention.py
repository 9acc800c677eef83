# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The attention layers around `nearby_attention`, and its registration with transformers' attention interface.

Legend: B batch, N places, M condition places, D hidden size, A heads, E = D / A.
"""

import math
from collections.abc import Sequence
from functools import partial, reduce

import torch
from torch import nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, AttentionInterface

from nuwa_hf.generation.cache import StepCache
from nuwa_hf.generation.step_tables import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.modeling_outputs import NuwaCondition
from nuwa_hf.nearby_attention import NEARBY_ATTENTION_BACKENDS, nearby_attention
from nuwa_hf.nearby_attention.neighborhood import Window, neighborhood_mask


# The `attn_implementation` that lets the operator choose its own backend. `nearby_<backend>` forces a backend, and
# transformers' usual names, which stay in the configuration, stand for the backends that use the same kernels.
DEFAULT_ATTENTION = "nearby"
ATTENTION_ALIASES = {"sdpa": "nearby_masked_sdpa", "flex_attention": "nearby_flex"}


def _nearby_attention_forward(module, query, key, value, attention_mask, *, backend=None, **geometry):
    """`nearby_attention` behind transformers' attention interface, which returns `(B, N, A, E)` and no weights."""
    attended = nearby_attention(query, key, value, key_padding_mask=attention_mask, backend=backend, **geometry)
    return attended.transpose(1, 2), None


def _eager_attention_forward(module, query, key, value, attention_mask, *, query_grid, key_grid, window, causal):
    """The same attention with all weights computed explicitly: the only implementation that can return them."""
    visible = neighborhood_mask(query_grid, key_grid, window, causal, device=query.device)
    if attention_mask is not None:
        visible = visible & attention_mask[:, None, None, :]
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
    weights = scores.softmax(-1).masked_fill(~visible, 0.0)
    return (weights @ value).transpose(1, 2), weights


AttentionInterface.register(DEFAULT_ATTENTION, _nearby_attention_forward)
for _backend in NEARBY_ATTENTION_BACKENDS:
    AttentionInterface.register(f"nearby_{_backend}", partial(_nearby_attention_forward, backend=_backend))


class NuwaAttention(nn.Module):
    """Multi-head 3D nearby attention with its projections (NUWA, section "3D Nearby Self-Attention").

        Q = X W_Q,  K = C W_K,  V = C W_V,  y_ijk = softmax(q_ijk . K_near / sqrt(E)) V_near,  Y = y W_O

    The layer that owns this module applies the projections of X, which are W_Q and, in self-attention, W_K and W_V. A
    sampling step can then compute everything that reads the same input in one product.

    Args:
        config (`NuwaConfig`): sizes, and the attention implementation.
        is_causal (`bool`): whether a query sees only places at or before its own in raster order.
        layer_idx (`int`, *optional*): index of the layer in the decoder, for the cache.
    """

    def __init__(self, config: NuwaConfig, is_causal: bool, layer_idx: int | None = None):
        super().__init__()
        self.config = config
        self.is_causal = is_causal
        self.layer_idx = layer_idx
        self.num_heads = config.num_attention_heads
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.o_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def split_heads(self, hidden_BND: torch.Tensor) -> torch.Tensor:
        """`(B, N, D) -> (B, A, N, E)`."""
        return hidden_BND.unflatten(2, (self.num_heads, -1)).transpose(1, 2)  # an empty batch, too

    def attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        key_padding_mask: torch.Tensor | None,
        *,
        query_grid: Grid,
        key_grid: Grid,
        window: Window,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Attend from all places of a grid, with the implementation that the configuration names.

        Args:
            query (`torch.Tensor` of shape `(B, A, N, E)`): queries, on `query_grid`.
            key (`torch.Tensor` of shape `(B, A, M, E)`): keys, on `key_grid`.
            value (`torch.Tensor` of shape `(B, A, M, E)`): values.
            key_padding_mask (`torch.BoolTensor` of shape `(B, M)`, *optional*): True where a key may be seen.
            query_grid (`Grid`): grid of the queries.
            key_grid (`Grid`): grid of the keys.
            window (`tuple`): full odd extents (t, h, w); `None` on an axis means all of it.

        Returns:
            `tuple`: the attended values `(B, N, A, E)`, and the weights `(B, A, N, M)` if the implementation is
            `"eager"`.
        """
        name = ATTENTION_ALIASES.get(self.config._attn_implementation, self.config._attn_implementation)
        attention = ALL_ATTENTION_FUNCTIONS.get_interface(name, _eager_attention_forward)
        return attention(
            self,
            query,
            key,
            value,
            key_padding_mask,
            query_grid=query_grid,
            key_grid=key_grid,
            window=window,
            causal=self.is_causal,
        )


class NuwaSelfAttention(NuwaAttention):
    """3D nearby attention within one grid, `C = X`, from projected queries, keys and values."""

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        *,
        grid: Grid,
        window: Window,
        key_padding_mask: torch.Tensor | None = None,
        cache: StepCache | None = None,
        step: Step | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Attend from each place to the places near it.

        Args:
            query (`torch.Tensor` of shape `(B, N, D)`): Q. With a cache, Q, K and V hold only the places of the step.
            key (`torch.Tensor` of shape `(B, N, D)`): K.
            value (`torch.Tensor` of shape `(B, N, D)`): V.
            grid (`Grid`): the grid that the places belong to.
            window (`tuple`): full odd extents (t, h, w); `None` on an axis means all of it.
            key_padding_mask (`torch.BoolTensor` of shape `(B, N)`, *optional*): True where a place may be seen.
            cache (`StepCache`, *optional*): keys and values of earlier steps; those of this step are added to it.
            step (`Step`, *optional*): the places of this step; required with a cache.

        Returns:
            `tuple`: the attended values `(B, N, D)`, and the weights `(B, A, N, N)` if the implementation is `"eager"`
            and there is no cache.
        """
        query, key, value = (self.split_heads(states) for states in (query, key, value))
        if cache is None:
            attended, weights = self.attend(
                query, key, value, key_padding_mask, query_grid=grid, key_grid=grid, window=window
            )
            return self.o_proj(attended.flatten(2)), weights
        kept = cache.layers[self.layer_idx]
        attended = kept.attend(query, key, value, step, cache.visible(step, query)).transpose(1, 2)
        return cache.linear(attended.flatten(2), self.o_proj)[0], None


class NuwaCrossAttention(NuwaAttention):
    """3D nearby attention to conditions, each on a grid of its own; the results are added up."""

    def forward(
        self,
        query: torch.Tensor,
        condition_states: Sequence[torch.Tensor],
        conditions: Sequence[NuwaCondition],
        *,
        grid: Grid,
        cache: StepCache | None = None,
        step: Step | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor | None, ...]]:
        """Attend from each place to what is near it in each condition.

        Args:
            query (`torch.Tensor` of shape `(B, N, D)`): Q. With a cache, it holds only the places of the step.
            condition_states (`Sequence[torch.Tensor]`, each of shape `(B, M, D)`): C of each condition.
            conditions (`Sequence[NuwaCondition]`): their grids, windows and masks.
            grid (`Grid`): the grid that the places belong to.
            cache (`StepCache`, *optional*): keys and values of the conditions; the first step fills it.
            step (`Step`, *optional*): the places of this step; required with a cache.

        Returns:
            `tuple`: the attended values `(B, N, D)`, and for each condition the weights `(B, A, N, M)` if the
            implementation is `"eager"` and there is no cache.
        """
        query = self.split_heads(query)
        if cache is not None:
            kept = cache.layers[self.layer_idx]
            for number in range(len(kept.conditions), len(conditions)):  # in the first step
                condition = conditions[number]
                key, value = self.project(condition_states[number], condition.kinds)
                reach = cache.reach(number, condition.grid, condition.window, condition.key_padding_mask, key)
                kept.keep_condition(key, value, reach)
            attended = reduce(torch.add, (condition.attend(query, step.places) for condition in kept.conditions))
            return cache.linear(attended.transpose(1, 2).flatten(2), self.o_proj)[0], ()
        attended, weights = zip(
            *(
                self.attend(
                    query,
                    *self.project(states),
                    condition.key_padding_mask,
                    query_grid=grid,
                    key_grid=condition.grid,
                    window=condition.window,
                )
                for states, condition in zip(condition_states, conditions, strict=True)
            ),
            strict=True,
        )
        return self.o_proj(reduce(torch.add, attended).flatten(2)), weights

    def project(
        self, condition_states: torch.Tensor, kinds: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of a condition, `(B, M, D) -> (B, A, M, E)` each; the condition has a row for each kind."""
        states = (project(condition_states) for project in (self.k_proj, self.v_proj))
        if kinds is not None:
            states = (rows.index_select(0, kinds) for rows in states)
        key, value = map(self.split_heads, states)
        return key, value
