# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import copy
import pickle

import pytest
import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from diffusers.training_utils import EMAModel
from tiny import VISUAL_GRID, tiny_transformer
from torch import nn

from nuwa_hf.modeling.int8_linear import Int8Linear
from nuwa_hf.modeling.laid_out_weights import LaidOutWeights


def linear_layers():
    torch.manual_seed(0)
    return tuple(nn.Linear(24, width, bias=False) for width in (16, 8, 40))


@pytest.mark.parametrize("shape", [(1, 1, 24), (2, 7, 24), (2, 0, 24)])
@pytest.mark.parametrize(
    # float32 sums in another order; bfloat16 keeps 8 bits of numbers below 4.
    ("dtype", "tolerance"),
    [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)],
)
@torch.no_grad()
def test_a_laid_out_product_gives_the_layers_outputs(shape, dtype, tolerance):
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this processor does not multiply bfloat16")
    several = tuple(layer.to(dtype) for layer in linear_layers())
    hidden_states = torch.randn(shape).to(dtype)
    linear = LaidOutWeights().prepare(nn.ModuleList(several), [several, several[:1]])
    assert set(linear.products) == {several, several[:1]}
    for layers in (several, several[:1]):
        for output, layer in zip(linear(hidden_states, *layers), layers, strict=True):
            torch.testing.assert_close(output, layer(hidden_states), atol=tolerance, rtol=0)
            gelu = linear(hidden_states, layer, use_gelu=True) if len(layers) == 1 else None
            if gelu is not None:
                expected = nn.functional.gelu(layer(hidden_states))
                torch.testing.assert_close(gelu[0], expected, atol=tolerance, rtol=0)


class Doubled(nn.Linear):
    def forward(self, hidden_states):
        return 2 * super().forward(hidden_states)


@pytest.mark.parametrize("kind", ["subclass", "forward hook", "pre-hook", "accelerate", "compiled", "bias", "8-bit"])
@torch.no_grad()
def test_a_layer_that_is_not_plain_is_simply_called(kind):
    first, second, third = linear_layers()
    if kind == "subclass":
        second.__class__ = Doubled
    elif kind == "forward hook":
        second.register_forward_hook(lambda module, inputs, output: output + 1)
    elif kind == "pre-hook":
        second.register_forward_pre_hook(lambda module, inputs: (inputs[0] + 1,))
    elif kind == "accelerate":
        add_hook_to_module(second, ModelHook())
    elif kind == "compiled":
        second.compile(backend="eager")
    elif kind == "bias":
        second = nn.Linear(24, 8)
    else:
        second = Int8Linear.from_linear(second)
    layers, hidden_states = (first, second, third), torch.randn(2, 3, 24)
    linear = LaidOutWeights().prepare(nn.ModuleList(layers), [layers])
    assert not linear.products
    for output, layer in zip(linear(hidden_states, *layers), layers, strict=True):
        assert torch.equal(output, layer(hidden_states))


def test_double_precision_is_left_alone():
    layers = tuple(layer.double() for layer in linear_layers())
    assert not LaidOutWeights().prepare(nn.ModuleList(layers), [layers]).products


@torch.no_grad()
def test_8_bit_layers_that_read_one_input_quantise_it_once_and_give_the_same_bits():
    layers, hidden_states = tuple(map(Int8Linear.from_linear, linear_layers())), torch.randn(2, 3, 24)
    linear = LaidOutWeights().prepare(nn.ModuleList(layers), [layers, layers[:1]])
    assert set(linear.products) == {layers}
    for output, layer in zip(linear(hidden_states, *layers), layers, strict=True):
        assert torch.equal(output, layer(hidden_states))


@torch.no_grad()
def test_under_autocast_layers_are_called_and_cast():
    layers, hidden_states = linear_layers(), torch.randn(2, 3, 24)
    linear = LaidOutWeights().prepare(nn.ModuleList(layers), [layers])  # before, as in a model that Accelerate wraps
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for output, layer in zip(linear(hidden_states, *layers), layers, strict=True):
            assert output.dtype == torch.bfloat16
            assert torch.equal(output, layer(hidden_states))


def sampled(model):
    ids = torch.tensor([[5, 6, 7]])
    return model.generate(ids, grid=VISUAL_GRID, do_sample=False).tokens


def kept_products(model):
    return dict(model._laid_out_weights._products)


def test_layouts_are_kept_between_calls():
    model = tiny_transformer()
    sampled(model)
    before = kept_products(model)
    assert before
    sampled(model)
    after = kept_products(model)
    assert before.keys() == after.keys()
    assert all(after[layers] is before[layers] for layers in before)


def test_fixed_weights_are_looked_at_once():
    model, other = tiny_transformer(), tiny_transformer(initializer_range=0.3)
    with model.with_fixed_weights(), model.with_fixed_weights():
        linear = model.prepare_step_linear()
        assert model.prepare_step_linear() is linear
        model.free_laid_out_weights()
        assert model.prepare_step_linear() is not linear
    load(model, other)
    assert torch.equal(sampled(model), sampled(other))


def load(model, other):
    model.load_state_dict(other.state_dict())


def average(model, other):  # writes through `.data`, which torch does not record as a change
    EMAModel(other.parameters()).copy_to(model.parameters())


def train_a_step(model, other):
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for parameter, target in zip(model.parameters(), other.parameters(), strict=True):
        parameter.grad = parameter.detach() - target.detach()
    optimizer.step()


def replace_a_parameter(model, other):
    for (name, _), parameter in zip(list(model.named_parameters()), other.parameters(), strict=True):
        module, _, last = name.rpartition(".")
        setattr(model.get_submodule(module), last, nn.Parameter(parameter.detach().clone()))


@pytest.mark.parametrize("change", [load, average, train_a_step, replace_a_parameter])
def test_changed_weights_are_laid_out_again(change):
    model, other = tiny_transformer(), tiny_transformer()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(-1.5)
    assert not torch.equal(sampled(model), sampled(other))
    change(model, other)
    assert torch.equal(sampled(model), sampled(other))


@pytest.mark.parametrize("shape", [(8, 24), (40, 2100)])
@pytest.mark.parametrize("dim", [0, 1])
@torch.no_grad()
def test_rows_or_columns_that_change_places_are_laid_out_again(shape, dim):
    """Their bits have the same sum."""
    torch.manual_seed(0)
    layer, hidden_states, laid_out = nn.Linear(*shape[::-1], bias=False), torch.randn(1, 3, shape[1]), LaidOutWeights()
    for _ in range(3):
        (output,) = laid_out.prepare(layer, [(layer,)])(hidden_states, layer)
        torch.testing.assert_close(output, layer(hidden_states), atol=1e-5, rtol=0)
        layer.weight.copy_(layer.weight.roll(2, dim))


@torch.no_grad()
def test_8_bit_layers_whose_rows_change_places_are_laid_out_again():
    layers, hidden_states = tuple(map(Int8Linear.from_linear, linear_layers())), torch.randn(1, 3, 24)
    laid_out = LaidOutWeights()
    for changed in ("weight", "scale", None):
        outputs = laid_out.prepare(nn.ModuleList(layers), [layers])(hidden_states, *layers)
        assert all(torch.equal(output, layer(hidden_states)) for output, layer in zip(outputs, layers, strict=True))
        if changed is not None:
            tensor = getattr(layers[1], changed)
            tensor.copy_(tensor.flip(0))


@pytest.mark.parametrize(
    "free",
    [
        lambda model: model.free_laid_out_weights(),
        lambda model: model.to(torch.bfloat16),
        lambda model: model.to("meta"),
        lambda model: model.train(),
    ],
)
def test_freeing_moving_casting_or_training_drops_the_layouts(free):
    model = tiny_transformer()
    sampled(model)
    free(model)
    assert not kept_products(model)


def test_a_copy_and_a_pickle_of_the_model_start_without_layouts():
    model = tiny_transformer()
    expected = sampled(model)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not kept_products(twin)
        assert twin.state_dict().keys() == model.state_dict().keys()
        assert torch.equal(sampled(twin), expected)
