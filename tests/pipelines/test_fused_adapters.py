# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Adapters are added to the weights with the scale that is asked for, and taken out again as they were."""

import math

import accelerate
import pytest
import torch
from tiny import tiny_pipeline
from tiny_adapters import adapted, draw, layers_of, merged, offload_to_disk_by_groups, save_adapter, weights_of


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return save_adapter(tmp_path_factory.mktemp("lora") / "adapter")


def offload_module_by_module(pipeline, folder):
    accelerate.cpu_offload(pipeline.transformer, torch.device("cpu"))


def store_in_8_bits(pipeline, folder):
    pipeline.transformer.enable_layerwise_casting()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (offload_to_disk_by_groups, "must not be offloaded to disk where its weights are saved or changed"),
        (offload_module_by_module, r"got the device meta, .* call `pipeline.remove_all_hooks\(\)` first"),
        (store_in_8_bits, "got torch.float8_e4m3fn; fuse them before `enable_layerwise_casting`"),
    ],
)
def test_adapters_are_not_added_to_weights_that_are_elsewhere(prepare, message, adapter, tmp_path):
    """They were added to empty tensors, and later calls drew without them."""
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(adapter)
    prepare(pipeline, tmp_path)
    before = draw(pipeline)
    for change in (pipeline.fuse_lora, pipeline.unfuse_lora):
        with pytest.raises(ValueError, match=message):
            change()
    assert torch.equal(draw(pipeline), before)


def test_without_the_hooks_of_sequential_offloading_adapters_are_fused(adapter):
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(adapter)
    offload_module_by_module(pipeline, None)
    pipeline.remove_all_hooks()
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    assert torch.equal(draw(pipeline), draw(merged(adapted(1))))


def scales_of(pipeline):
    return {name: dict(layer.scaling) for name, layer in layers_of(pipeline).items()}


@pytest.mark.parametrize("active", ["one", "other"])
def test_of_two_adapters_the_named_one_is_fused_with_the_scale(active, adapter, tmp_path):
    """The scale was that of the active ones."""
    adapted(2, r=3).save_pretrained(tmp_path, save_embedding_layers=False)
    pipeline, added = tiny_pipeline(), weights_of(tmp_path)
    pipeline.load_lora_weights(adapter, "one")
    pipeline.load_lora_weights(tmp_path, "other")
    pipeline.set_adapters(active)
    expected = {}
    for name, layer in layers_of(pipeline).items():
        b, a = (added[f"base_model.model.{name}.lora_{one}.weight"] for one in "BA")
        expected[name] = layer.weight + 0.5 * 5 / 3 * b @ a
    scales = scales_of(pipeline)
    pipeline.fuse_lora(lora_scale=0.5, adapter_names=["other"])
    assert {name: one["one"] for name, one in scales_of(pipeline).items()} == {n: s["one"] for n, s in scales.items()}
    pipeline.unload_lora_weights()
    for name, weight in expected.items():
        torch.testing.assert_close(pipeline.transformer.get_submodule(name).weight, weight)


@pytest.mark.parametrize("meanwhile", [[], [0.7], [0.2, 0.7]], ids=str)
def test_a_fused_adapter_is_taken_out_whole_and_has_its_own_scale_again(meanwhile, adapter):
    pipeline = tiny_pipeline().to(torch.float64)
    pipeline.load_lora_weights(adapter, "one")
    pipeline.set_adapters("one", 0.7)
    before, scales = draw(pipeline), scales_of(pipeline)
    weights = {name: layer.weight.clone() for name, layer in layers_of(pipeline).items()}
    for _ in range(2):
        pipeline.fuse_lora(lora_scale=0.5)
        for scale in meanwhile:
            pipeline.set_adapters("one", scale)
        pipeline.unfuse_lora()
        assert scales_of(pipeline) == scales
        for name, layer in layers_of(pipeline).items():
            torch.testing.assert_close(layer.weight, weights[name])
        assert torch.equal(draw(pipeline), before)


def test_an_adapter_that_cannot_be_fused_keeps_its_scale(adapter):
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(adapter)
    scales = scales_of(pipeline)
    with pytest.raises(ValueError, match="vqgan is not found"):
        pipeline.fuse_lora(["vqgan"], lora_scale=0.5)
    assert scales_of(pipeline) == scales
    *_, last = layers_of(pipeline).values()
    last.lora_B["default_0"].weight.data.fill_(math.nan)
    with pytest.raises(ValueError, match="NaNs detected"):
        pipeline.fuse_lora(lora_scale=0.5, safe_fusing=True)
    assert last.scaling["default_0"] == 5 / 2
    pipeline.unfuse_lora()
    assert scales_of(pipeline) == scales


@pytest.fixture
def two_adapters(adapter, tmp_path):
    """A pipeline with two active ones, and the folder of the second."""
    adapted(2, r=3).save_pretrained(tmp_path, save_embedding_layers=False)
    pipeline = tiny_pipeline().to(torch.float64)
    pipeline.load_lora_weights(adapter, "one")
    pipeline.load_lora_weights(tmp_path, "other")
    pipeline.set_adapters(["one", "other"])
    return pipeline, tmp_path


def test_an_adapter_is_not_loaded_over_one_in_the_weights(adapter, two_adapters):
    """PEFT took that one out again."""
    both, folder = two_adapters
    pipeline = tiny_pipeline().to(torch.float64)
    pipeline.load_lora_weights(adapter, "one")
    pipeline.fuse_lora()
    fused = draw(pipeline)
    with pytest.raises(ValueError, match=r"got 'one'; call `unload_lora_weights\(\)` first to leave them in"):
        pipeline.load_lora_weights(folder, "other")
    assert pipeline.get_list_adapters() == {"transformer": ["one"]}
    assert torch.equal(draw(pipeline), fused)
    pipeline.unload_lora_weights()
    pipeline.load_lora_weights(folder, "other")
    assert torch.equal(draw(pipeline), draw(both))


def test_an_adapter_in_the_weights_is_not_deleted(two_adapters):
    """It stayed in them, and could not be taken out any more."""
    pipeline, _ = two_adapters
    expected = draw(pipeline)
    pipeline.fuse_lora()
    with pytest.raises(ValueError, match=r"got 'other'; .*`unfuse_lora\(\)` to take them out"):
        pipeline.delete_adapters("other")
    assert torch.equal(draw(pipeline), expected)
    pipeline.unfuse_lora()
    pipeline.delete_adapters("other")
    assert pipeline.get_list_adapters() == {"transformer": ["one"]}


def test_an_active_adapter_beside_one_in_the_weights_is_not_left_out(two_adapters):
    """A layer of PEFT with one in its weights reads none beside them, and the call drew as if there were none."""
    pipeline, _ = two_adapters
    expected = draw(pipeline)
    pipeline.fuse_lora(adapter_names=["one"])
    with pytest.raises(ValueError, match=r"got 'other' beside 'one', .*; call `fuse_lora\(\)` for it too"):
        draw(pipeline)
    pipeline.set_adapters(["one", "other"], [1.0, 0.0])  # what is not there cannot be left out
    only_one = draw(pipeline)
    assert not torch.equal(only_one, expected)
    pipeline.set_adapters(["one", "other"])
    pipeline.fuse_lora()
    assert torch.equal(draw(pipeline), expected)
    pipeline.disable_lora()  # PEFT takes them out
    assert torch.equal(draw(pipeline), draw(tiny_pipeline().to(torch.float64)))
