# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Block-sparse attention through torch's flex_attention: compiled on CUDA, plain elsewhere.

Each kind of call is compiled on its own, once for all batches. Compiled code that torch gives up on would run unfused
and hold all N M scores of a layer; that is an error here.

Plain flex_attention has no gradient on the CPU. There we compute the gradient ourselves, from the log-sum-exp that the
forward pass returns, so that the same mask can be used and tested on every machine.

Legend: B batch, A heads, N queries, M keys, E head size.
"""

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from types import FunctionType

import torch
from torch._dynamo.exc import FailOnRecompileLimitHit
from torch.nn.attention.flex_attention import AuxRequest, BlockMask, create_block_mask, flex_attention

from ..neighborhood import NearbyPattern, coordinate_table, pattern_mask
from ..tables import table
from .eligibility import cannot_run, dense_mask_fits


MIN_HEAD_SIZE = 16
_UNFUSED = "`backend='flex'` would run unfused, with all scores in memory: {}, or use backend 'blockwise'."


def _is_compiled(query: torch.Tensor) -> bool:
    # The compiled kernels do not support float64. Plain flex_attention does, and the agreement tests need it.
    return query.device.type == "cuda" and query.dtype != torch.float64


def can_run_flex(query: torch.Tensor, pattern: NearbyPattern, *, raise_error: bool = False) -> bool:
    """Whether `flex_nearby_attention` can run: on the CPU, or on CUDA with Triton and a large enough head size.

    The blocks are found from a mask of all queries against all keys, which must not be too large.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        pattern (`NearbyPattern`): which keys each query sees.
        raise_error (`bool`, *optional*, defaults to `False`): raise instead of returning False.

    Returns:
        `bool`: whether it can run.

    Raises:
        ValueError: If it cannot and `raise_error`.
    """
    remedy = "use 'blockwise' or 'masked_sdpa'"
    if query.device.type not in ("cpu", "cuda"):
        return cannot_run("flex", f"it runs on cpu and cuda, the tensors are on {query.device}", remedy, raise_error)
    if _is_compiled(query) and importlib.util.find_spec("triton") is None:
        return cannot_run("flex", "it needs the package triton on CUDA, which is not installed", remedy, raise_error)
    if _is_compiled(query) and query.shape[-1] < MIN_HEAD_SIZE:
        reason = f"its kernels take a head size of at least {MIN_HEAD_SIZE}, got {query.shape[-1]}"
        return cannot_run("flex", reason, remedy, raise_error)
    return dense_mask_fits("flex", pattern, raise_error)


@table(maxsize=32)
def _block_mask(pattern: NearbyPattern, device: torch.device) -> BlockMask:
    # Tables rather than constants: one compiled kernel then serves all grids and windows with equally many places.
    query_t, query_h, query_w = coordinate_table(pattern.query_grid, pattern.key_grid, device)
    key_t, key_h, key_w = coordinate_table(pattern.key_grid, pattern.key_grid, device)
    radius_t, radius_h, radius_w = torch.tensor(pattern.radii, device=device)

    def is_near(b, a, n, m):
        near_t = (query_t[n] - key_t[m]).abs() <= radius_t
        near_h = (query_h[n] - key_h[m]).abs() <= radius_h
        near_w = (query_w[n] - key_w[m]).abs() <= radius_w
        return near_t & near_h & near_w

    def is_near_and_past(b, a, n, m):
        return is_near(b, a, n, m) & (m <= n)

    mask_mod = is_near_and_past if pattern.causal else is_near
    return create_block_mask(mask_mod, None, None, pattern.query_grid.numel, pattern.key_grid.numel, device=device)


def _hide_padding(key_padding_mask: torch.Tensor | None) -> Callable | None:
    if key_padding_mask is None:
        return None

    def score_mod(score, b, a, n, m):
        return torch.where(key_padding_mask[b, m], score, -math.inf)

    return score_mod


def _fused_attention(query, key, value, score_mod, block_mask):
    if not torch.compiler.is_dynamo_compiling():  # true in what is compiled, false if torch runs this line by line
        raise RuntimeError(_UNFUSED.format("torch.compile is disabled; enable it"))
    return flex_attention(query, key, value, score_mod, block_mask=block_mask)


@cache
def _compiled_for(kind: tuple) -> Callable:
    # torch counts compilations by code object, so each kind has one to itself.
    own = FunctionType(_fused_attention.__code__.replace(), globals(), _fused_attention.__name__)
    return torch.compile(own, fullgraph=True)


def compiled_flex_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    pattern: NearbyPattern,
    key_padding_mask: torch.Tensor | None,
) -> torch.Tensor:
    """`nearby_attention` through compiled flex_attention: one kernel for all batches of two and more, one for one.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        key (`torch.Tensor` of shape `(B, A, M, E)`): the keys.
        value (`torch.Tensor` of shape `(B, A, M, E)`): the values.
        pattern (`NearbyPattern`): which keys each query sees.
        key_padding_mask (`torch.Tensor` of shape `(B, M)`, bool, or `None`): True where a key may be seen.

    Returns:
        `torch.Tensor` of shape `(B, A, N, E)`; zero for a query that sees no key.

    Raises:
        RuntimeError: If torch does not compile, because it is told not to or has compiled this kind of call too often.
    """
    block_mask, score_mod = _block_mask(pattern, query.device), _hide_padding(key_padding_mask)
    if torch.compiler.is_compiling():
        return flex_attention(query, key, value, score_mod, block_mask=block_mask)
    states = (query, key, value)
    for tensor in states if key_padding_mask is None else (*states, key_padding_mask):
        torch._dynamo.maybe_mark_dynamic(tensor, 0)
    has_gradient = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in states)
    # All that a kernel is made for. torch never takes a size of one for a variable.
    sizes = (query.shape[0] == 1, query.shape[1:], key.shape[2])
    kind = (sizes, query.dtype, query.device, pattern.causal, key_padding_mask is not None, has_gradient)
    try:
        return _compiled_for(kind)(query, key, value, score_mod, block_mask)
    except FailOnRecompileLimitHit as error:
        limit = torch._dynamo.config.recompile_limit
        reason = f"torch has compiled calls like this one {limit} times; raise `torch._dynamo.config.recompile_limit`"
        raise RuntimeError(_UNFUSED.format(reason)) from error


class _FlexOnCPU(torch.autograd.Function):
    """Plain flex_attention with the gradient it lacks on the CPU; `seen` is True where a query sees a key."""

    @staticmethod
    def forward(ctx, query, key, value, block_mask, score_mod, seen):
        plain = (states.detach() for states in (query, key, value))  # it refuses tensors that require a gradient
        output, aux = flex_attention(*plain, score_mod, block_mask=block_mask, return_aux=AuxRequest(lse=True))
        ctx.save_for_backward(query, key, value, output, aux.lse, seen)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        query, key, value, output, lse, seen = ctx.saved_tensors
        scale = 1 / math.sqrt(query.shape[-1])
        scores = (query @ key.mT * scale - lse.to(query.dtype)[..., None]).masked_fill(~seen, -math.inf)
        weights = scores.exp()
        grad_weights = grad_output @ value.mT - (grad_output * output).sum(-1, keepdim=True)
        grad_scores = weights * grad_weights * scale
        return grad_scores @ key, grad_scores.mT @ query, weights.mT @ grad_output, None, None, None


def flex_nearby_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    pattern: NearbyPattern,
    key_padding_mask: torch.Tensor | None,
) -> torch.Tensor:
    """`nearby_attention` through flex_attention.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        key (`torch.Tensor` of shape `(B, A, M, E)`): the keys.
        value (`torch.Tensor` of shape `(B, A, M, E)`): the values.
        pattern (`NearbyPattern`): which keys each query sees.
        key_padding_mask (`torch.Tensor` of shape `(B, M)`, bool, or `None`): True where a key may be seen.

    Returns:
        `torch.Tensor` of shape `(B, A, N, E)`; zero for a query that sees no key.
    """
    if _is_compiled(query):
        return compiled_flex_attention(query, key, value, pattern, key_padding_mask)
    block_mask, score_mod = _block_mask(pattern, query.device), _hide_padding(key_padding_mask)
    if query.device.type != "cpu":
        return flex_attention(query, key, value, score_mod, block_mask=block_mask)
    seen = pattern_mask(pattern, query.device)
    if key_padding_mask is not None:
        seen = seen & key_padding_mask[:, None, None, :]
    return _FlexOnCPU.apply(query, key, value, block_mask, score_mod, seen)
