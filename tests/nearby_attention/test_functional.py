# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from nearby_cases import CASES, CROSS_CASES, SELF_CASES, name_of

from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention import (
    NEARBY_ATTENTION_BACKENDS,
    NearbyPattern,
    choose_backend,
    nearby_attention,
    neighborhood,
)


pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")

# The Triton kernels need an interpreter or a GPU, and have a file of tests to themselves.
FAST = sorted(set(NEARBY_ATTENTION_BACKENDS) - {"reference", "triton"})
EVERY = [*FAST, "reference"]
GRID, WINDOW = Grid(3, 4, 2), (3, 3, 3)
WHOLE_CASES = [SELF_CASES[2], SELF_CASES[6], CROSS_CASES[0], CROSS_CASES[2]]
# On a CPU flex runs line by line and takes as long as all others together.
FLEX_CASES = [SELF_CASES[2], SELF_CASES[5], SELF_CASES[6], CROSS_CASES[2], CROSS_CASES[4]]


def tensors(case, dtype=torch.float64, device="cpu", head_size=16):
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 3, grid.numel, head_size) for grid in (case[0], case[1], case[1])]
    return [
        torch.randn(s, generator=generator, dtype=torch.float64).to(device, dtype).requires_grad_() for s in shapes
    ]


def padding(case, padded, device="cpu"):
    """Hide a third of the first item's keys and nearly all of the second's, so that some queries see no key."""
    if not padded:
        return None
    chance = torch.rand(2, case[1].numel, generator=torch.Generator().manual_seed(1))
    return (chance > torch.tensor([[0.3], [0.9]])).to(device)


def attend(states, case, **kwargs):
    query_grid, key_grid, window, causal = case
    return nearby_attention(*states, query_grid=query_grid, key_grid=key_grid, window=window, causal=causal, **kwargs)


def output_and_gradients(case, backend, padded=False, dtype=torch.float64, device="cpu"):
    states = tensors(case, dtype, device)
    output = attend(states, case, backend=backend, key_padding_mask=padding(case, padded, device))
    direction = torch.randn(output.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return output, *torch.autograd.grad(output, states, direction.to(output))


def assert_all_close(found, expected, tolerance):
    for name, one, other in zip(("output", "dquery", "dkey", "dvalue"), found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_reference_is_the_softmax_over_the_neighborhood(case):
    query, key, value = tensors(case)
    output = attend((query, key, value), case, backend="reference")
    for n in range(case[0].numel):
        near = neighborhood(n, *case)
        weights = torch.einsum("bae,bame->bam", query[:, :, n], key[:, :, near]).div(16**0.5).softmax(-1)
        expected = torch.einsum("bam,bame->bae", weights, value[:, :, near])
        torch.testing.assert_close(output[:, :, n], expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_backend_agrees_with_the_reference_forward_and_backward(case):
    expected = output_and_gradients(case, "reference", padded=True)
    for backend in FAST:
        if backend != "flex" or case in FLEX_CASES:
            assert_all_close(output_and_gradients(case, backend, padded=True), expected, 1e-10)


@pytest.mark.parametrize("case", WHOLE_CASES, ids=name_of)
def test_every_backend_agrees_with_the_reference_without_padding(case):
    expected = output_and_gradients(case, "reference")
    for backend in FAST:
        if backend != "flex":
            assert_all_close(output_and_gradients(case, backend), expected, 1e-10)


@pytest.mark.parametrize("backend", FAST)
def test_every_backend_agrees_with_the_reference_in_float32(backend):
    for case in (SELF_CASES[3], CROSS_CASES[3]):
        expected = [tensor.float() for tensor in output_and_gradients(case, "reference")]
        # Sums of at most a few dozen float32 terms of size one.
        assert_all_close(output_and_gradients(case, backend, dtype=torch.float32), expected, 1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_backend_agrees_with_the_reference_on_cuda(case, dtype):
    for padded in (False, True):
        expected = [tensor.to(dtype) for tensor in output_and_gradients(case, "reference", padded)]
        for backend in [*FAST, "triton"] if dtype == torch.float32 else FAST:
            found = [tensor.cpu() for tensor in output_and_gradients(case, backend, padded, dtype, "cuda")]
            # CUDA kernels may multiply float32 as TF32, with ten bits of mantissa.
            assert_all_close(found, expected, 1e-10 if dtype == torch.float64 else 5e-3)


@pytest.mark.parametrize("backend", EVERY)
def test_an_output_depends_on_its_neighborhood_bit_for_bit(backend):
    """A changed key and value reach no earlier place, and no place to which they are not nearby."""
    case = (GRID, GRID, WINDOW, True)
    query, key, value = (tensor.detach() for tensor in tensors(case, torch.float32))
    before = attend((query, key, value), case, backend=backend)
    for changed in range(0, GRID.numel, 5):
        new_key, new_value = key.clone(), value.clone()
        new_key[:, :, changed] += 5.0
        new_value[:, :, changed] -= 7.0
        after = attend((query, new_key, new_value), case, backend=backend)
        same = (before == after).all(-1).all(0).all(0)
        sees = torch.tensor([changed in neighborhood(n, *case) for n in range(GRID.numel)])
        assert same[:changed].all()
        assert same.tolist() == (~sees).tolist()


@pytest.mark.parametrize("backend", EVERY)
def test_a_query_whose_keys_are_all_padding_gives_zero_and_no_gradient(backend):
    case = (GRID, GRID, (1, 1, 3), False)
    states = tensors(case)
    mask = torch.ones(2, GRID.numel, dtype=torch.bool)
    mask[0, :2] = False
    output = attend(states, case, backend=backend, key_padding_mask=mask)
    assert not output[0, :, :2].any()
    assert output[0, :, 2:].all()
    gradients = torch.autograd.grad(output[0, :, :2].sum(), states)
    assert not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("backend", EVERY)
def test_a_mask_without_padding_changes_nothing(backend):
    case = (GRID, Grid(2, 2, 3), (3, 1, 3), False)
    states = tensors(case)
    mask = torch.ones(2, case[1].numel, dtype=torch.bool)
    with_mask = attend(states, case, backend=backend, key_padding_mask=mask)
    torch.testing.assert_close(with_mask, attend(states, case, backend=backend), atol=1e-12, rtol=0)


@pytest.mark.parametrize("backend", EVERY)
def test_heads_split_off_one_projection_need_no_copy(backend):
    case = (GRID, GRID, WINDOW, True)
    together = torch.randn(2, GRID.numel, 9 * 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    strided = [part.unflatten(-1, (3, 16)).transpose(1, 2) for part in together.chunk(3, -1)]
    copied = [part.contiguous() for part in strided]
    output = attend(strided, case, backend=backend)
    torch.testing.assert_close(output, attend(copied, case, backend=backend), atol=1e-12, rtol=0)


def test_a_window_over_everything_is_plain_attention():
    query, key, value = tensors((GRID, GRID))
    output = attend((query, key, value), (GRID, GRID, (None, None, None), False))
    torch.testing.assert_close(output, F.scaled_dot_product_attention(query, key, value), atol=1e-12, rtol=0)


def test_a_large_grid_is_cut_into_several_blocks_of_rows():
    """The other cases fit into a block or two. Here blocks split a frame, and windows reach across blocks."""
    case = (Grid(2, 12, 13), Grid(2, 12, 13), (3, 5, 3), True)
    expected = output_and_gradients(case, "masked_sdpa")
    assert_all_close(output_and_gradients(case, "blockwise"), expected, 1e-10)


def test_the_backend_chosen_by_default_can_run():
    for case in CASES:
        states = tensors(case)
        name = choose_backend(states[0], NearbyPattern(*case))
        expected = attend(states, case, backend=name)
        assert attend(states, case).equal(expected)


def test_the_cpu_uses_the_dense_backend_only_where_everything_is_seen():
    query = tensors((GRID, GRID))[0]
    assert choose_backend(query, NearbyPattern(GRID, GRID, WINDOW, True)) == "blockwise"
    assert choose_backend(query, NearbyPattern(GRID, Grid(7, 1, 1), (None, None, None))) == "masked_sdpa"


def test_a_backend_that_cannot_run_returns_false_or_says_why():
    grid = Grid(11, 11, 11)
    query, pattern = torch.zeros(1, 1, grid.numel, 4), NearbyPattern(grid, grid, (None, None, None))
    assert not NEARBY_ATTENTION_BACKENDS["shift_and_add"].can_run(query, pattern)
    with pytest.raises(ValueError, match=r"`backend='shift_and_add'` cannot run here: .*1024.*9261; use"):
        attend((query, query, query), (grid, grid, (None, None, None), False), backend="shift_and_add")


@pytest.mark.parametrize("backend", ["masked_sdpa", "flex"])
def test_a_mask_too_large_to_hold_is_refused_before_it_is_made(backend):
    grid = Grid(1, 256, 256)
    query, pattern = torch.zeros(1, 1, 1, 4), NearbyPattern(grid, grid, (1, 3, 3))
    assert not NEARBY_ATTENTION_BACKENDS[backend].can_run(query, pattern)
    with pytest.raises(ValueError, match=rf"`backend='{backend}'` cannot run here: .*4294967296; use 'blockwise'"):
        NEARBY_ATTENTION_BACKENDS[backend].can_run(query, pattern, raise_error=True)
    largest = NearbyPattern(Grid(1, 128, 128), Grid(1, 128, 128), (1, 3, 3))
    assert NEARBY_ATTENTION_BACKENDS[backend].can_run(query, largest)


def test_flex_refuses_a_device_it_has_no_kernel_for():
    query, pattern = torch.zeros(1, 1, 24, 4, device="meta"), NearbyPattern(GRID, GRID, WINDOW)
    assert not NEARBY_ATTENTION_BACKENDS["flex"].can_run(query, pattern)
    with pytest.raises(ValueError, match=r"`backend='flex'` cannot run here: it runs on cpu and cuda"):
        NEARBY_ATTENTION_BACKENDS["flex"].can_run(query, pattern, raise_error=True)


def good():
    query, key, value = (tensor.detach() for tensor in tensors((GRID, GRID)))
    return {"query": query, "key": key, "value": value, "query_grid": GRID, "key_grid": GRID, "window": WINDOW}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"query": torch.zeros(2, 24, 48)}, ValueError, "`query` must have the four axes"),
        ({"key": torch.zeros(2, 3, 24, 16)}, ValueError, "must share dtype and device.*float32.* for key"),
        ({"value": torch.zeros(2, 3, 24, 16, device="meta")}, ValueError, "must share dtype and device"),
        ({"query_grid": Grid(1, 5, 5)}, ValueError, r"`query_grid` must have as many places.*25 places"),
        ({"key_grid": Grid(1, 5, 5)}, ValueError, r"`key` must have shape \(2, 3, 25, 16\)"),
        ({"key": torch.zeros(2, 3, 24, 8).double()}, ValueError, r"`key` must have shape \(2, 3, 24, 16\)"),
        ({"value": torch.zeros(2, 1, 24, 16).double()}, ValueError, r"`value` must have shape \(2, 3, 24, 16\)"),
        ({"window": (3, 2, 3)}, ValueError, "`window` must have positive odd extents"),
        ({"key_grid": Grid(4, 3, 2), "causal": True}, ValueError, "`causal=True` needs equal grids"),
        ({"key_padding_mask": torch.ones(2, 24)}, TypeError, "`key_padding_mask` must be a bool tensor"),
        ({"key_padding_mask": torch.ones(1, 24).bool()}, ValueError, r"`key_padding_mask` must have shape \(2, 24\)"),
        (
            {"key_padding_mask": torch.ones(2, 24, device="meta").bool()},
            ValueError,
            "`key_padding_mask` must be on the query's device",
        ),
        ({"backend": "fastest"}, ValueError, r"`backend` must be one of \['blockwise', .*'reference'.*got 'fastest'"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(change, error, message):
    with pytest.raises(error, match=message):
        nearby_attention(**{**good(), **change})


def test_integer_tensors_are_refused():
    states = {name: torch.zeros(2, 3, 24, 16, dtype=torch.long) for name in ("query", "key", "value")}
    with pytest.raises(TypeError, match="must be floating-point"):
        nearby_attention(**{**good(), **states})
