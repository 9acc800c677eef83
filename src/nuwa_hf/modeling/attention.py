# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The attention layer around `nearby_attention`, and its registration with transformers' attention interface.

Legend: B batch, N queries, M keys, K keys near one query, D hidden size, A heads, E = D / A.
"""

import math
from functools import partial

import torch
from einops import rearrange
from torch import nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, AttentionInterface

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.nearby_attention import NEARBY_ATTENTION_BACKENDS, nearby_attention
from nuwa_hf.nearby_attention.neighborhood import neighborhood_mask


# The name under which `attn_implementation` finds the operator with its own choice of backend. A backend is forced by
# `nearby_<backend>`; transformers' usual names stand for the backends that use the same kernels.
DEFAULT_ATTENTION = "nearby"
ATTENTION_ALIASES = {"sdpa": "nearby_masked_sdpa", "flex_attention": "nearby_flex"}


def _nearby_attention_forward(module, query, key, value, attention_mask, *, backend=None, **geometry):
    """`nearby_attention` in the shape of transformers' attention interface: `(B, N, A, E)` and no weights."""
    attended = nearby_attention(query, key, value, key_padding_mask=attention_mask, backend=backend, **geometry)
    return attended.transpose(1, 2), None


def _eager_attention_forward(module, query, key, value, attention_mask, *, query_grid, key_grid, window, causal):
    """The same attention with every weight written out: the only implementation that can return them."""
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

        Q = X W_Q,  K = C W_K,  V = C W_V,  y_ijk = softmax(q_ijk . K_near / sqrt(E)) V_near

    Self-attention for `C = X`, cross-attention otherwise.

    Args:
        config (`NuwaConfig`): sizes, and the attention implementation.
        is_causal (`bool`): whether a query sees only places at or before its own in raster order.
    """

    def __init__(self, config: NuwaConfig, is_causal: bool):
        super().__init__()
        self.config = config
        self.is_causal = is_causal
        self.num_heads = config.num_attention_heads
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.o_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def split_heads(self, hidden_BND: torch.Tensor) -> torch.Tensor:
        """`(B, N, D) -> (B, A, N, E)`."""
        return rearrange(hidden_BND, "b n (a e) -> b a n e", a=self.num_heads)

    def forward(
        self,
        hidden_states: torch.Tensor,
        *,
        key_value_states: torch.Tensor,
        query_grid: Grid,
        key_grid: Grid,
        window: tuple[int | None, int | None, int | None],
        key_padding_mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Attend from each place to the places near it.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, N, D)`): X, on `query_grid`.
            key_value_states (`torch.Tensor` of shape `(B, M, D)`): C, on `key_grid`.
            query_grid (`Grid`): grid of the queries.
            key_grid (`Grid`): grid of the keys.
            window (`tuple`): full odd extents (t, h, w); `None` on an axis means all of it.
            key_padding_mask (`torch.BoolTensor` of shape `(B, M)`, *optional*): True where a key may be seen.

        Returns:
            `tuple`: the attended `(B, N, D)`, and the weights `(B, A, N, M)` if the implementation is `"eager"`.
        """
        attention = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, _eager_attention_forward)
        attended_BNAE, weights = attention(
            self,
            self.split_heads(self.q_proj(hidden_states)),
            self.split_heads(self.k_proj(key_value_states)),
            self.split_heads(self.v_proj(key_value_states)),
            key_padding_mask,
            query_grid=query_grid,
            key_grid=key_grid,
            window=window,
            causal=self.is_causal,
        )
        return self.o_proj(attended_BNAE.flatten(2)), weights
