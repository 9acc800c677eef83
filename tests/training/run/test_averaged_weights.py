# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Moving averages of weights, whole and sharded."""

import pytest
import torch
from tiny import tiny_transformer
from torch import distributed, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from nuwa_hf.training.run.averaged_weights import AveragedWeights, whole


@pytest.fixture
def mesh(tmp_path):
    """One process that shards over itself."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield distributed.init_device_mesh("cpu", (1,))
    distributed.destroy_process_group()


def moved(model, steps=3, decay=0.5):
    """The averages after a few random moves of all weights."""
    ema = AveragedWeights(model, decay)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        with torch.no_grad():
            for weight in model.parameters():
                own = weight.to_local() if isinstance(weight, DTensor) else weight
                own.add_(torch.randn(own.shape, generator=generator))
        ema.update()
    return ema


def weights_of(model):
    return [whole(weight).detach().clone() for weight in model.parameters()]


def all_equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_averages_stand_in_for_the_weights_for_a_while():
    model = tiny_transformer()
    ema = moved(model)
    before = weights_of(model)
    with ema.in_place():
        assert all_equal(weights_of(model), ema.shadow_params)
        assert not all_equal(weights_of(model), before)
    assert all_equal(weights_of(model), before)


def test_the_decay_warms_up_from_a_copy_of_the_first_weights_and_goes_on_after_a_resume():
    weight = nn.Parameter(torch.tensor([1e6]))  # where the run starts, far from where it goes
    model = nn.ParameterList([weight])
    ema, expected = AveragedWeights(model, 0.9), 1e6
    for step in range(120):
        if step == 60:
            state, ema = ema.state_dict(), AveragedWeights(model, 0.9)
            ema.load_state_dict(state)
        weight.data.fill_(float(step))
        ema.update()
        decay = 0.0 if step == 0 else min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        assert ema.shadow_params[0].item() == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(119 - 9, abs=0.1)  # 1 / (1 - decay) - 1 steps behind


def test_averages_of_16_bit_weights_keep_small_moves():
    weight = nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    ema = AveragedWeights(nn.ParameterList([weight]), 0.999)
    ema.optimization_step = 100_000
    weight.data.fill_(1.5)
    ema.update()
    assert ema.shadow_params[0].dtype == torch.float32
    assert ema.shadow_params[0][0].item() == pytest.approx(1.0005, abs=1e-6)


def test_averages_of_sharded_weights_are_those_of_whole_ones(mesh):
    plain, sharded = tiny_transformer(), fully_shard(tiny_transformer(), mesh=mesh)
    assert all(isinstance(weight, DTensor) for weight in sharded.parameters())
    expected, ema = moved(plain).shadow_params, moved(sharded)
    assert all(isinstance(average, DTensor) for average in ema.shadow_params)
    assert all_equal(map(whole, ema.shadow_params), expected)
    before = weights_of(sharded)
    with ema.in_place():
        assert all_equal(weights_of(sharded), expected)
    assert all_equal(weights_of(sharded), before)


@torch.no_grad()
def test_a_sharded_model_computes_with_the_averages_for_a_while_and_with_its_own_weights_afterwards(mesh):
    """What a pass without a backward pass had gathered stayed, and the next pass computed with what was averaged."""
    model, ones = fully_shard(nn.Linear(2, 3), mesh=mesh), torch.ones(1, 2)
    ema = moved(model)
    weights = (weights_of(model), map(whole, ema.shadow_params))
    own, averaged = (nn.functional.linear(ones, *one) for one in weights)
    assert not torch.allclose(own, averaged)
    torch.testing.assert_close(model(ones), own)
    with ema.in_place():
        torch.testing.assert_close(model(ones), averaged)
    torch.testing.assert_close(model(ones), own)
