# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""3D Nearby Attention as one function: check, choose a backend, run.

Legend: B batch, A heads, N queries, M keys, E head size.
"""

import torch

from ..grid import Grid
from .backends import NEARBY_ATTENTION_BACKENDS
from .neighborhood import NearbyPattern, Window


# On CUDA, a block-sparse kernel with blocks of 128 places has little to skip on a small grid. The threshold is a guess
# from the block size and has not been measured.
MIN_QUERIES_FOR_FLEX = 1024


def _check_tensors(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    pattern: NearbyPattern,
    key_padding_mask: torch.Tensor | None,
) -> None:
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        if tensor.ndim != 4:
            raise ValueError(
                f"`{name}` must have the four axes (batch, heads, places, head size), got shape "
                f"{tuple(tensor.shape)}; fold the grid into one axis and split the heads off first."
            )
        if tensor.dtype != query.dtype or tensor.device != query.device:
            raise ValueError(
                f"`query`, `key` and `value` must share dtype and device, got {query.dtype} on {query.device} for "
                f"query and {tensor.dtype} on {tensor.device} for {name}; convert one with `.to(...)`."
            )
    if not query.is_floating_point():
        raise TypeError(f"`query`, `key` and `value` must be floating-point tensors, got {query.dtype}.")
    if query.shape[2] != pattern.query_grid.numel:
        raise ValueError(
            f"`query_grid` must have as many places as the query, got {tuple(pattern.query_grid)} = "
            f"{pattern.query_grid.numel} places for a query of shape {tuple(query.shape)}."
        )
    batch, heads, _, head_size = query.shape
    expected = (batch, heads, pattern.key_grid.numel, head_size)
    for name, tensor in (("key", key), ("value", value)):
        if tuple(tensor.shape) != expected:
            raise ValueError(
                f"`{name}` must have shape {expected} to match the query and key_grid {tuple(pattern.key_grid)} = "
                f"{pattern.key_grid.numel} places, got {tuple(tensor.shape)}."
            )
    if key_padding_mask is None:
        return
    if key_padding_mask.dtype != torch.bool:
        raise TypeError(
            f"`key_padding_mask` must be a bool tensor, True where a key may be seen, got {key_padding_mask.dtype}; "
            f"use `attention_mask.bool()`."
        )
    if tuple(key_padding_mask.shape) != (batch, pattern.key_grid.numel):
        raise ValueError(
            f"`key_padding_mask` must have shape {(batch, pattern.key_grid.numel)} (batch, keys), got "
            f"{tuple(key_padding_mask.shape)}."
        )
    if key_padding_mask.device != query.device:
        raise ValueError(
            f"`key_padding_mask` must be on the query's device {query.device}, got {key_padding_mask.device}."
        )


def choose_backend(query: torch.Tensor, pattern: NearbyPattern) -> str:
    """Choose the backend for `nearby_attention` when none is named: the first preferred one that can run.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        pattern (`NearbyPattern`): which keys each query sees.

    Returns:
        `str`: a name in `NEARBY_ATTENTION_BACKENDS`.
    """
    if pattern.sees_whole_grid:
        preferred = ("masked_sdpa",)
    elif query.device.type == "cpu":
        preferred = ("blockwise",)
    elif query.shape[2] >= MIN_QUERIES_FOR_FLEX:
        preferred = ("flex", "blockwise")
    else:
        preferred = ("masked_sdpa", "blockwise")
    return next(name for name in preferred if NEARBY_ATTENTION_BACKENDS[name].can_run(query, pattern))


def nearby_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    query_grid: Grid,
    key_grid: Grid,
    window: Window,
    causal: bool = False,
    key_padding_mask: torch.Tensor | None = None,
    backend: str | None = None,
) -> torch.Tensor:
    """Attention of each query over the keys near its own place in the key grid (3DNA).

        y_n = softmax(q_n . K_near(n) / sqrt(E)) V_near(n)          (NUWA, section "3D Nearby Self-Attention")

    near(n) is the window around the place that n maps to in the key grid, clipped at the border (`neighborhood`). With
    every backend, a query whose keys are all padding has an output of zero and contributes no gradient.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries, one for each place of `query_grid`.
        key (`torch.Tensor` of shape `(B, A, M, E)`): the keys, one for each place of `key_grid`.
        value (`torch.Tensor` of shape `(B, A, M, E)`): the values.
        query_grid (`Grid`): the grid that N runs over, so `query_grid.numel == N`.
        key_grid (`Grid`): the grid that M runs over, so `key_grid.numel == M`.
        window (`Sequence[int | None]`): full odd extents (t, h, w) in the key grid, `None` for all places on an axis.
        causal (`bool`, *optional*, defaults to `False`): see only keys at or before the query in raster order; needs
            equal grids.
        key_padding_mask (`torch.Tensor` of shape `(B, M)`, bool, *optional*): True where a key may be seen.
        backend (`str`, *optional*): a name in `NEARBY_ATTENTION_BACKENDS`; chosen by device and size when not given.

    Returns:
        `torch.Tensor` of shape `(B, A, N, E)`.

    Raises:
        ValueError: If a grid does not match its tensor, tensors do not match each other, an extent is even, causal
            grids are unequal, or the backend is unknown or cannot run here.
        TypeError: If the tensors are not floating-point or the padding mask is not bool.

    Example:
        >>> query, key, value = torch.randn(3, 1, 2, 96, 16)
        >>> grid = Grid(6, 4, 4)
        >>> nearby_attention(
        ...     query, key, value, query_grid=grid, key_grid=grid, window=(3, 3, 3), causal=True
        ... ).shape
        torch.Size([1, 2, 96, 16])
    """
    pattern = NearbyPattern(query_grid, key_grid, tuple(window), causal)
    _check_tensors(query, key, value, pattern, key_padding_mask)
    if backend is None:
        backend = choose_backend(query, pattern)
    elif backend not in NEARBY_ATTENTION_BACKENDS:
        raise ValueError(f"`backend` must be one of {sorted(NEARBY_ATTENTION_BACKENDS)} or None, got {backend!r}.")
    chosen = NEARBY_ATTENTION_BACKENDS[backend]
    chosen.can_run(query, pattern, raise_error=True)
    return chosen.run(query, key, value, pattern, key_padding_mask)
