# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The 8-bit linear layer: exact sums, rounding errors within their bound, independent rows."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from nuwa_hf.modeling import int8_linear
from nuwa_hf.modeling.int8_linear import Int8Linear, int8_matmul, quantize_rows


SHAPES = ((1, 1), (1, 5), (2, 3), (16, 1), (17, 16), (64, 40), (130, 33))  # (D, F)


def random_linear(in_features, out_features, bias=True, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(in_features, out_features, bias=bias)


def random_rows(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("is_exact", [True, False])
@pytest.mark.parametrize("num_rows", [0, 1, 2, 16, 33])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_exact_integers(shape, num_rows, is_exact, monkeypatch):
    """Also in the way of a CPU that saturates, where the weight is split into two smaller numbers."""
    if not is_exact:
        monkeypatch.setattr(int8_linear, "_sums_exactly", lambda: False)
    generator = torch.Generator().manual_seed(2)
    rows = torch.randint(-127, 128, (num_rows, shape[0]), dtype=torch.int8, generator=generator)
    weight = torch.randint(-127, 128, (shape[1], shape[0]), dtype=torch.int8, generator=generator)
    assert torch.equal(int8_matmul(rows, weight), (rows.long() @ weight.t().long()).int())


def test_largest_sums_fit():
    ends = torch.full((2, 1280), 127, dtype=torch.int8)
    ends[1] *= -1
    assert torch.equal(int8_matmul(ends, ends), 1280 * 127**2 * torch.tensor([[1, -1], [-1, 1]], dtype=torch.int32))
    with pytest.raises(ValueError, match="`in_features` must be at most 133144"):
        Int8Linear(133145, 1, device="meta")


@pytest.mark.slow
@pytest.mark.parametrize("instructions", ["SSE41", "AVX2", "AVX512_CORE"])
def test_sums_are_exact_without_vnni(instructions):
    """On a CPU without VNNI `torch._int_mm` adds pairs of products in 16 bits and clips them."""
    program = (
        "import torch; from nuwa_hf.modeling.int8_linear import int8_matmul\n"
        "for shape in ((1, 64, 8), (3, 1280, 70), (45, 257, 33)):\n"
        "    rows, weight = (torch.randint(-127, 128, (n, shape[1]), dtype=torch.int8) for n in shape[::2])\n"
        "    for r, w in ((rows, weight), (rows.abs(), weight.abs()), (rows.abs(), -weight.abs())):\n"
        "        assert torch.equal(int8_matmul(r, w).long(), r.long() @ w.t().long()), shape\n"
    )
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_output_follows_the_definition(shape, dtype):
    layer = Int8Linear.from_linear(random_linear(*shape))
    rows = random_rows(2, 3, shape[0]).to(dtype)
    step = rows.abs().amax(-1, keepdim=True) / 127
    whole = (rows / step).round().double()
    sums = whole @ layer.weight.double().t()  # exact: whole numbers far below 2^53
    assert torch.equal(sums, sums.round())
    expected = sums.to(dtype) * step * layer.scale + layer.bias
    assert torch.equal(layer(rows), expected)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_error_is_within_what_rounding_gives(shape, bias):
    """x = s (q + e) and w = t (p + d) with |e|, |d| <= 1/2, so the error is at most s t sum (|q| + |p|) / 2 + 1/4."""
    linear = random_linear(*shape, bias=bias).double()
    layer = Int8Linear.from_linear(linear).double()
    rows = random_rows(7, shape[0]).double()
    whole, step = quantize_rows(rows)
    sums = (whole.abs().double().sum(-1, keepdim=True) + layer.weight.abs().double().sum(-1)) / 2 + shape[0] / 4
    # The weight's steps are float32, which adds a relative error of 2^-23.
    bound = step * layer.scale * (sums + 2**-23 * (whole.abs().double() @ layer.weight.abs().double().t()))
    with torch.no_grad():
        error = (layer(rows) - linear(rows)).abs()
    assert (error <= bound * (1 + 1e-6)).all()


def test_rows_do_not_affect_each_other():
    layer = Int8Linear.from_linear(random_linear(64, 40))
    rows = random_rows(33, 64) * torch.logspace(-3, 3, 33)[:, None]
    together = layer(rows)
    for count in (1, 2, 16, 17):
        assert torch.equal(torch.cat([layer(part) for part in rows.split(count)]), together)


def test_row_of_zeros_gives_the_bias():
    layer = Int8Linear.from_linear(random_linear(64, 40))
    assert torch.equal(layer(torch.zeros(3, 64)), layer.bias.expand(3, 40))
    zeros = nn.Linear(64, 40, bias=False)
    nn.init.zeros_(zeros.weight)
    assert torch.equal(Int8Linear.from_linear(zeros)(random_rows(3, 64)), torch.zeros(3, 40))


def test_nan_stays_nan():
    layer = Int8Linear.from_linear(random_linear(64, 40))
    rows = random_rows(3, 64)
    rows[1, 5] = torch.nan
    assert torch.equal(layer(rows).isnan().all(-1), torch.tensor([False, True, False]))


@pytest.mark.parametrize("shape", [(64,), (0, 64), (2, 0, 64), (2, 3, 4, 64)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_shape_and_dtype_are_those_of_a_linear_layer(shape, dtype):
    layer = Int8Linear.from_linear(random_linear(64, 40))
    output = layer(random_rows(*shape).to(dtype))
    assert output.shape == (*shape[:-1], 40)
    assert output.dtype == dtype


def test_cast_leaves_the_steps_alone():
    linear = random_linear(64, 40, bias=False)
    layer, rows = Int8Linear.from_linear(linear), random_rows(5, 64)
    scale, before = layer.scale.clone(), layer(rows)
    layer.to(torch.bfloat16)
    assert torch.equal(layer.scale, scale)
    assert torch.equal(layer.float()(rows), before)
    # In bfloat16 only input and output are rounded.
    assert torch.equal(layer(rows.bfloat16()), layer(rows.bfloat16().float()).bfloat16())


def test_layer_is_for_inference_on_a_cpu():
    layer = Int8Linear.from_linear(random_linear(64, 40))
    assert [name for name, parameter in layer.named_parameters() if parameter.requires_grad] == []
    with pytest.raises(ValueError, match="must not require a gradient"):
        layer(random_rows(2, 64).requires_grad_())
    with torch.no_grad():
        layer(random_rows(2, 64).requires_grad_())
    with pytest.raises(ValueError, match=r"runs on the CPU, got the device 'cuda:1'.*`TorchAoConfig`"):
        int8_linear.check_is_cpu(torch.device("cuda:1"))
    with pytest.raises(TypeError, match="a layer is quantised once"):
        Int8Linear.from_linear(layer)
    with pytest.raises(TypeError, match=r"must be a torch.nn.Linear"):
        Int8Linear.from_linear(nn.Conv1d(2, 2, 1))


@pytest.mark.gpu
def test_layer_refuses_to_move_to_a_gpu():
    with pytest.raises(ValueError, match="runs on the CPU, got the device 'cuda:0'"):
        Int8Linear.from_linear(random_linear(64, 40)).to("cuda")
