# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from nuwa_hf.generation.step_linear import step_linear
from torch import nn

from nuwa_hf.modeling.int8_linear import Int8Linear


def layers(dtype=torch.float32):
    torch.manual_seed(0)
    return [nn.Linear(24, width, bias=False, dtype=dtype) for width in (16, 8, 40)]


@pytest.mark.parametrize("shape", [(1, 1, 24), (2, 7, 24), (3, 24), (2, 0, 24)])
@pytest.mark.parametrize(
    # float32 sums in another order; bfloat16 keeps 8 bits of numbers below 4.
    ("dtype", "tolerance"),
    [(torch.float32, 1e-6), (torch.float64, 1e-14), (torch.bfloat16, 2e-2)],
)
@torch.no_grad()
def test_one_product_gives_the_layers_outputs_side_by_side(dtype, tolerance, shape):
    several, hidden_states = layers(dtype), torch.randn(shape).to(dtype)
    expected = torch.cat([layer(hidden_states) for layer in several], -1)
    together = step_linear(*several)(hidden_states)
    assert together.dtype == dtype
    torch.testing.assert_close(together, expected, atol=tolerance, rtol=0)
    torch.testing.assert_close(step_linear(several[0])(hidden_states), expected[..., :16], atol=tolerance, rtol=0)


class Doubled(nn.Linear):
    def forward(self, hidden_states):
        return 2 * super().forward(hidden_states)


@torch.no_grad()
def test_a_layer_that_does_more_than_its_product_is_called():
    first, second, third = layers()
    second.__class__ = Doubled
    third.register_forward_hook(lambda module, inputs, output: output + 1)
    hidden_states = torch.randn(2, 3, 24)
    expected = torch.cat([layer(hidden_states) for layer in (first, second, third)], -1)
    assert torch.equal(step_linear(first, second, third)(hidden_states), expected)
    assert step_linear(third) is third


@torch.no_grad()
def test_8_bit_layers_become_one_to_the_bit():
    several, hidden_states = [Int8Linear.from_linear(layer) for layer in layers()], torch.randn(2, 3, 24)
    expected = torch.cat([layer(hidden_states) for layer in several], -1)
    together = step_linear(*several)
    assert isinstance(together, Int8Linear)
    assert torch.equal(together(hidden_states), expected)
    assert step_linear(several[0]) is several[0]


@torch.no_grad()
def test_under_autocast_the_product_is_autocast():
    (layer, *_), hidden_states = layers(), torch.randn(2, 3, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert step_linear(layer)(hidden_states).dtype == torch.bfloat16
