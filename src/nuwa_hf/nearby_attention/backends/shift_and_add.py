# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""One pass for each offset of the window: shift the keys, multiply, add. No (N, K, E) tensor is ever built.

Between equal grids, a shift is a view of the zero-padded keys. Between unequal grids, where every query has a centre
of its own, it is a gather of one key for each query.

Legend: B batch, A heads, N queries, M keys, E head size, K offsets of the window; T, H, W the grid.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from ..neighborhood import NearbyPattern, causal_offsets, neighbor_table, offsets
from .eligibility import cannot_run


MAX_OFFSETS = 1024


def _full_window(pattern: NearbyPattern) -> tuple[int, int, int]:
    return tuple(2 * radius + 1 for radius in pattern.radii)


def can_run_shift_and_add(query: torch.Tensor, pattern: NearbyPattern, *, raise_error: bool = False) -> bool:
    """Whether `shift_and_add` can run: the window must not have too many offsets.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        pattern (`NearbyPattern`): which keys each query sees.
        raise_error (`bool`, *optional*, defaults to `False`): raise instead of returning False.

    Returns:
        `bool`: whether it can run.

    Raises:
        ValueError: If it cannot and `raise_error`.
    """
    count = math.prod(_full_window(pattern))
    if count > MAX_OFFSETS:
        reason = f"it takes a pass for each offset, at most {MAX_OFFSETS}, and this window has {count}"
        return cannot_run("shift_and_add", reason, "use 'masked_sdpa' or 'blockwise'", raise_error)
    return True


def _shifted(states: torch.Tensor, pattern: NearbyPattern, places: torch.Tensor):
    """Yield, for each offset in raster order, the (B, A, N, E) or (B, A, T, H, W, E) states at that offset."""
    if pattern.query_grid != pattern.key_grid:
        for column in places.unbind(-1):
            yield states.index_select(2, column)
        return
    grid, radii, window = pattern.key_grid, pattern.radii, _full_window(pattern)
    border = [r for radius in reversed(radii) for r in (radius, radius)]
    framed = F.pad(states.unflatten(2, tuple(grid)), [0, 0, *border])
    for offset in causal_offsets(window) if pattern.causal else offsets(window):
        near = framed
        for axis, (d, radius, count) in enumerate(zip(offset, radii, grid, strict=True)):
            near = near.narrow(2 + axis, radius + d, count)
        yield near


def shift_and_add(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    pattern: NearbyPattern,
    key_padding_mask: torch.Tensor | None,
) -> torch.Tensor:
    """`nearby_attention` offset by offset.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        key (`torch.Tensor` of shape `(B, A, M, E)`): the keys.
        value (`torch.Tensor` of shape `(B, A, M, E)`): the values.
        pattern (`NearbyPattern`): which keys each query sees.
        key_padding_mask (`torch.Tensor` of shape `(B, M)`, bool, or `None`): True where a key may be seen.

    Returns:
        `torch.Tensor` of shape `(B, A, N, E)`; zero for a query that sees no key.
    """
    places, inside = neighbor_table(
        pattern.query_grid, _full_window(pattern), pattern.causal, pattern.key_grid, query.device
    )
    # Between equal grids the queries keep their grid axes in place of N, so that a shifted view needs no copy.
    equal = pattern.query_grid == pattern.key_grid
    laid_out = query.unflatten(2, tuple(pattern.query_grid)) if equal else query
    products = [(laid_out * near).sum(-1) for near in _shifted(key, pattern, places)]
    scores = torch.stack(products).flatten(3) / math.sqrt(query.shape[-1])  # (K, B, A, N)

    seen = inside.T[:, None, None, :]
    if key_padding_mask is not None:
        seen = seen & key_padding_mask[:, places].permute(2, 0, 1)[:, :, None, :]
    some = seen.any(0, keepdim=True)
    weights = scores.masked_fill(~seen & some, -math.inf).softmax(0).masked_fill(~some, 0.0)
    weights = weights.unflatten(3, laid_out.shape[2:-1]).unsqueeze(-1)
    output = sum(weight * near for weight, near in zip(weights, _shifted(value, pattern, places), strict=True))
    return output.flatten(2, -2)
