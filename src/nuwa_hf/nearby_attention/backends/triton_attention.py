# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""3D Nearby Attention through kernels of our own, in Triton.

Not yet run on a GPU, and so never chosen by default.

Legend: B batch, A heads, N queries, M keys, E head size.
"""

import importlib.util
import math

import torch

from ..neighborhood import NearbyPattern
from .eligibility import cannot_run
from .runs import runs


MAX_HEAD_SIZE = 128
MIN_COLUMNS = 16  # of a product in Triton
PLACES_PER_BLOCK = {torch.float32: 32, torch.bfloat16: 64, torch.float16: 64}


def can_run_triton(query: torch.Tensor, pattern: NearbyPattern, *, raise_error: bool = False) -> bool:
    """Whether `triton_attention` can run: with triton, on CUDA, or on the CPU in Triton's interpreter.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        pattern (`NearbyPattern`): which keys each query sees.
        raise_error (`bool`, *optional*, defaults to `False`): raise instead of returning False.

    Returns:
        `bool`: whether it can run.

    Raises:
        ValueError: If it cannot and `raise_error`.
    """
    remedy, device, head_size = "use 'blockwise' or 'masked_sdpa'", query.device.type, query.shape[-1]
    if device not in ("cpu", "cuda"):
        reason = f"it runs on cuda, and on cpu in Triton's interpreter, the tensors are on {query.device}"
        return cannot_run("triton", reason, remedy, raise_error)
    if query.dtype not in PLACES_PER_BLOCK:
        names = ", ".join(str(dtype).removeprefix("torch.") for dtype in PLACES_PER_BLOCK)
        return cannot_run("triton", f"it computes in {names}, got {query.dtype}", remedy, raise_error)
    if head_size > MAX_HEAD_SIZE:
        reason = f"its kernels take a head size of at most {MAX_HEAD_SIZE}, got {head_size}"
        return cannot_run("triton", reason, remedy, raise_error)
    if importlib.util.find_spec("triton") is None:
        return cannot_run("triton", "it needs the package triton, which is not installed", remedy, raise_error)
    if device == "cpu" and not _kernels().INTERPRETED.value:
        reason = "on cpu it runs only in Triton's interpreter, with TRITON_INTERPRET=1 set before Python starts"
        return cannot_run("triton", reason, remedy, raise_error)
    return True


def _kernels():
    from . import triton_kernels

    return triton_kernels


def _strides(states: torch.Tensor) -> tuple[int, int, int]:
    return states.stride()[:3]


def _empty_like(states: torch.Tensor) -> torch.Tensor:
    """Empty `(B, A, N, E)`, laid out as `(B, N, A, E)`, so that the heads of a place are joined without a copy."""
    batch, heads, places, head_size = states.shape
    return states.new_empty(batch, places, heads, head_size).transpose(1, 2)


def _launch(kernel, tensors, strided, pattern, key_padding_mask, *, of_keys: bool) -> None:
    """Run a kernel for all blocks of queries, or of keys, over the runs that they meet."""
    query = tensors[0]
    batch, heads, _, head_size = query.shape
    size = PLACES_PER_BLOCK[query.dtype]
    met = runs(pattern, of_keys, size, query.device)
    kernel[(len(met.counts) * batch * heads,)](
        *tensors,
        met.starts,
        met.counts,
        met.starts.shape[1],
        heads,
        1 / math.sqrt(head_size),
        (*pattern.query_grid, *pattern.key_grid, *pattern.radii),
        *(_strides(states) for states in strided),
        HEAD_SIZE=head_size,
        COLUMNS=max(MIN_COLUMNS, 1 << (head_size - 1).bit_length()),
        SIZE=size,
        CAUSAL=pattern.causal,
        PADDED=key_padding_mask is not None,
        PRECISION="ieee" if torch.get_float32_matmul_precision() == "highest" else "tf32",
    )


class _TritonAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, pattern, key_padding_mask):
        output = _empty_like(query)
        lse = query.new_empty(query.shape[:3], dtype=torch.float32)
        padding = query if key_padding_mask is None else key_padding_mask  # not read without a mask
        tensors, strided = (query, key, value, padding, output, lse), (query, key, value, output)
        with torch.cuda.device_of(query):
            _launch(_kernels().forward_kernel, tensors, strided, pattern, key_padding_mask, of_keys=False)
        ctx.save_for_backward(query, key, value, output, lse, key_padding_mask)
        ctx.pattern = pattern
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_output):
        query, key, value, output, lse, key_padding_mask = ctx.saved_tensors
        if grad_output.stride(-1) != 1:
            grad_output = grad_output.contiguous()
        delta = (grad_output.float() * output.float()).sum(-1)
        padding = query if key_padding_mask is None else key_padding_mask
        inputs, strided = (query, key, value, padding, grad_output, lse, delta), (query, key, value, grad_output)
        grad_query, grad_key, grad_value = (_empty_like(states) for states in (query, key, value))
        with torch.cuda.device_of(query):
            for kernel, gradients, of_keys in (
                (_kernels().query_gradient_kernel, (grad_query,), False),
                (_kernels().key_gradient_kernel, (grad_key, grad_value), True),
            ):
                tensors = (*inputs, *gradients)
                _launch(kernel, tensors, (*strided, *gradients), ctx.pattern, key_padding_mask, of_keys=of_keys)
        return grad_query, grad_key, grad_value, None, None


def triton_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    pattern: NearbyPattern,
    key_padding_mask: torch.Tensor | None,
) -> torch.Tensor:
    """`nearby_attention` through Triton kernels, whose work and memory are linear in the number of places.

    Args:
        query (`torch.Tensor` of shape `(B, A, N, E)`): the queries.
        key (`torch.Tensor` of shape `(B, A, M, E)`): the keys.
        value (`torch.Tensor` of shape `(B, A, M, E)`): the values.
        pattern (`NearbyPattern`): which keys each query sees.
        key_padding_mask (`torch.Tensor` of shape `(B, M)`, bool, or `None`): True where a key may be seen.

    Returns:
        `torch.Tensor` of shape `(B, A, N, E)`; zero for a query that sees no key.
    """
    states = (tensor if tensor.stride(-1) == 1 else tensor.contiguous() for tensor in (query, key, value))
    padding = None if key_padding_mask is None else key_padding_mask.contiguous()
    return _TritonAttention.apply(*states, pattern, padding)
