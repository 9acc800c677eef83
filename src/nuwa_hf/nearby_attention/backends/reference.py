# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The definition, one query at a time. It is slow and obvious, and every other backend is tested against it.

Legend: B batch, A heads, N queries, M keys, E head size.
"""

import math

import torch

from ..neighborhood import NearbyPattern, neighborhood


def can_run_reference(query: torch.Tensor, pattern: NearbyPattern, *, raise_error: bool = False) -> bool:
    """Whether `reference_attention` can run: it always can.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        pattern (`NearbyPattern`): which keys each query sees.
        raise_error (`bool`, *optional*, defaults to `False`): raise instead of returning False.

    Returns:
        `bool`: True.
    """
    return True


def reference_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    pattern: NearbyPattern,
    key_padding_mask: torch.Tensor | None,
) -> torch.Tensor:
    """`nearby_attention` exactly as in its equation, for any dtype.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        key (`torch.Tensor` of shape `(B, A, M, E)`): the keys.
        value (`torch.Tensor` of shape `(B, A, M, E)`): the values.
        pattern (`NearbyPattern`): which keys each query sees.
        key_padding_mask (`torch.Tensor` of shape `(B, M)`, bool, or `None`): True where a key may be seen.

    Returns:
        `torch.Tensor` of shape `(B, A, N, E)`; zero for a query that sees no key.
    """
    batch = []
    for b in range(query.shape[0]):
        rows = []
        for n in range(query.shape[2]):
            near = neighborhood(n, pattern.query_grid, pattern.key_grid, pattern.window, pattern.causal)
            if key_padding_mask is not None:
                near = [m for m in near if key_padding_mask[b, m]]
            # Without any keys, the softmax is an empty row, and its product with the (empty) values is zero.
            scores = query[b, :, n, None] @ key[b, :, near].transpose(-2, -1) / math.sqrt(query.shape[-1])
            rows.append(scores.softmax(-1) @ value[b, :, near])
        batch.append(torch.cat(rows, dim=-2))
    return torch.stack(batch)
