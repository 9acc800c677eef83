# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Dense attention of all queries over all keys with a mask, through torch's scaled dot-product attention.

Legend: B batch, A heads, N queries, M keys, E head size; n, m the same counts within one block.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from ..neighborhood import NearbyPattern, pattern_mask
from ..tables import table
from .eligibility import dense_mask_fits


def additive_mask(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Turn a boolean mask into a term that is added to the scores, which is faster in torch's CPU kernels.

    Args:
        mask (`torch.Tensor` of any shape, bool): True where a key is seen.
        dtype (`torch.dtype`): the floating-point type of the queries.

    Returns:
        `torch.Tensor` of the mask's shape: 0 where a key is seen, -inf elsewhere.
    """
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, -math.inf)


@table(maxsize=32)
def _bias(pattern: NearbyPattern, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return additive_mask(pattern_mask(pattern, device), dtype)


def padded_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    key_padding_mask: torch.Tensor,
) -> torch.Tensor:
    """Attention where padding may leave a query with no key at all; the output of such a query is zero.

    Args:
        query (`torch.Tensor` of shape `(B, A, n, E)`): the queries.
        key (`torch.Tensor` of shape `(B, A, m, E)`): the keys.
        value (`torch.Tensor` of shape `(B, A, m, E)`): the values.
        mask (`torch.Tensor` of shape `(n, m)`, bool, or `None`): True where the query sees the key; `None` if
            every query sees every key.
        key_padding_mask (`torch.Tensor` of shape `(B, m)`, bool): True where a key may be seen.

    Returns:
        `torch.Tensor` of shape `(B, A, n, E)`.
    """
    seen = key_padding_mask[:, None, None, :]
    if mask is not None:
        seen = seen & mask
    some = seen.any(-1, keepdim=True)
    # Kernels disagree on a row of -inf, and some return NaN: a blind query attends to everything and is then zeroed.
    bias = additive_mask(seen | ~some, query.dtype).expand(-1, -1, query.shape[2], -1)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=bias).masked_fill(~some, 0.0)


def can_run_masked_sdpa(query: torch.Tensor, pattern: NearbyPattern, *, raise_error: bool = False) -> bool:
    """Whether `masked_sdpa` can run: the mask must not be too large.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        pattern (`NearbyPattern`): which keys each query sees.
        raise_error (`bool`, *optional*, defaults to `False`): raise instead of returning False.

    Returns:
        `bool`: whether it can run.

    Raises:
        ValueError: If it cannot and `raise_error`.
    """
    return pattern.sees_whole_grid or dense_mask_fits("masked_sdpa", pattern, raise_error)


def masked_sdpa(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    pattern: NearbyPattern,
    key_padding_mask: torch.Tensor | None,
) -> torch.Tensor:
    """`nearby_attention` as dense attention; a window over the whole grid needs no (N, M) mask.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        key (`torch.Tensor` of shape `(B, A, M, E)`): the keys.
        value (`torch.Tensor` of shape `(B, A, M, E)`): the values.
        pattern (`NearbyPattern`): which keys each query sees.
        key_padding_mask (`torch.Tensor` of shape `(B, M)`, bool, or `None`): True where a key may be seen.

    Returns:
        `torch.Tensor` of shape `(B, A, N, E)`; zero for a query that sees no key.
    """
    dense = pattern.sees_whole_grid and not pattern.causal
    if key_padding_mask is not None:
        mask = None if dense else pattern_mask(pattern, query.device)
        return padded_attention(query, key, value, mask, key_padding_mask)
    if pattern.sees_whole_grid:
        return F.scaled_dot_product_attention(query, key, value, is_causal=pattern.causal)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=_bias(pattern, query.dtype, query.device))
