# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The Triton kernels against the reference: on a GPU, or with TRITON_INTERPRET=1 on a CPU."""

import importlib.util
import os

import pytest
import torch
from nearby_cases import CASES, SELF_CASES, name_of

from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention import NEARBY_ATTENTION_BACKENDS, NearbyPattern, nearby_attention


IS_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
HAS_TRITON = importlib.util.find_spec("triton") is not None
DEVICE = "cpu" if IS_INTERPRETED else "cuda"
MARKS = (
    pytest.mark.triton,
    pytest.mark.skipif(not HAS_TRITON, reason="the package triton is not installed"),
    pytest.mark.skipif(
        not IS_INTERPRETED and not torch.cuda.is_available(),
        reason="without a GPU, Triton needs TRITON_INTERPRET=1 before Python starts",
    ),
)
GRID, WINDOW = Grid(4, 7, 5), (3, 3, 3)  # three blocks of places, the last one not full


def kernels(test):
    for mark in MARKS:
        test = mark(test)
    return test


def output_and_gradients(case, backend, head_size, dtype, device, is_padded=False, is_strided=False):
    """Computed for two items of two heads, from numbers of so few digits that every dtype holds the same."""
    query_grid, key_grid, window, causal = case
    generator = torch.Generator().manual_seed(0)
    states = []
    for grid in (query_grid, key_grid, key_grid):
        shape = (2, 2, grid.numel, head_size)
        drawn = torch.randn(shape, generator=generator).bfloat16()
        if is_strided:
            drawn = drawn.transpose(1, 2).contiguous().transpose(1, 2)
        states.append(drawn.to(device, dtype).requires_grad_())
    chance = torch.rand(2, key_grid.numel, generator=generator)
    # A third of the first item's keys and nearly all of the second's, so that some queries see no key.
    padding = (chance > torch.tensor([[0.3], [0.9]])).to(device) if is_padded else None
    geometry = {"query_grid": query_grid, "key_grid": key_grid, "window": window, "causal": causal}
    output = nearby_attention(*states, **geometry, key_padding_mask=padding, backend=backend)
    direction = torch.randn(output.shape, generator=generator).bfloat16().to(output)
    return output, *torch.autograd.grad(output, states, direction)


def compared(case, head_size, dtype, **settings):
    found = output_and_gradients(case, "triton", head_size, dtype, DEVICE, **settings)
    assert all(tensor.dtype == dtype for tensor in found)
    expected = output_and_gradients(case, "reference", head_size, torch.float64, "cpu", **settings)
    names = ("output", "dquery", "dkey", "dvalue")
    return [(n, f.detach().cpu().double(), e.detach()) for n, f, e in zip(names, found, expected, strict=True)]


def assert_agrees(case, head_size, **settings):
    for name, found, expected in compared(case, head_size, torch.float32, **settings):
        # Sums of at most a few hundred float32 terms of size one; `ieee` is the default precision of their products.
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5, msg=lambda text, n=name: f"{n}: {text}")


@kernels
@pytest.mark.parametrize("is_padded", [False, True], ids=["whole", "padded"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_kernels_agree_with_the_reference_forward_and_backward(case, is_padded):
    assert_agrees(case, 32, is_padded=is_padded)


@kernels
@pytest.mark.parametrize("head_size", [64, 20, 4])
def test_the_kernels_take_any_head_size(head_size):
    assert_agrees((GRID, GRID, WINDOW, True), head_size)


@kernels
@pytest.mark.parametrize(("dtype", "digits"), [(torch.bfloat16, 8), (torch.float16, 11)], ids=str)
def test_in_16_bits_the_kernels_are_as_exact_as_a_few_roundings_of_what_enters_the_sums(dtype, digits):
    for name, found, expected in compared((GRID, GRID, WINDOW, True), 32, dtype):
        # Weights, scores' gradients and results lose digits once each, sums do not. The interpreter cuts bfloat16 off
        # where a GPU rounds it.
        assert (found - expected).norm() < 2.0 ** (1 - digits) * expected.norm(), name


@kernels
def test_the_kernels_read_heads_where_they_lie():
    assert_agrees((GRID, GRID, WINDOW, True), 32, is_strided=True)


@kernels
def test_large_scores_do_not_overflow():
    query_grid, key_grid, window, causal = SELF_CASES[2]
    states = 100 * torch.randn(3, 1, 1, query_grid.numel, 16, generator=torch.Generator().manual_seed(0))
    geometry = {"query_grid": query_grid, "key_grid": key_grid, "window": window, "causal": causal}
    found = nearby_attention(*states.to(DEVICE), **geometry, backend="triton").cpu()
    expected = nearby_attention(*states.double(), **geometry, backend="reference")
    # Scores of about 40,000 have the last float32 bit at 0.004.
    torch.testing.assert_close(found.double(), expected, atol=1, rtol=1e-2)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (torch.zeros(1, 1, 140, 16, device="meta"), "runs on cuda, and on cpu in Triton's interpreter"),
        (torch.zeros(1, 1, 140, 16, dtype=torch.float64), "computes in float32, bfloat16, float16, got torch.float64"),
        (torch.zeros(1, 1, 140, 192), "head size of at most 128, got 192"),
        pytest.param(
            torch.zeros(1, 1, 140, 16),
            "only in Triton's interpreter, with TRITON_INTERPRET=1" if HAS_TRITON else "needs the package triton",
            marks=pytest.mark.skipif(HAS_TRITON and IS_INTERPRETED, reason="it can run"),
        ),
    ],
)
def test_where_the_kernels_cannot_run_the_error_says_why(query, message):
    pattern = NearbyPattern(GRID, GRID, WINDOW, True)
    assert not NEARBY_ATTENTION_BACKENDS["triton"].can_run(query, pattern)
    with pytest.raises(ValueError, match=rf"`backend='triton'` cannot run here: .*{message}.*; use 'blockwise'"):
        NEARBY_ATTENTION_BACKENDS["triton"].can_run(query, pattern, raise_error=True)
