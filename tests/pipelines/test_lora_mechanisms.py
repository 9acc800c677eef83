# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Adapters in a transformer that libraries do more to: offloading, weights stored in 8 bits, PEFT's own wrapper."""

import pytest
import torch
from tiny import VISUAL_GRID, tiny_pipeline
from tiny_adapters import (
    adapted,
    draw,
    layers_of,
    merged,
    offload_leaves,
    offload_to_disk_by_groups,
    peft,
    save_adapter,
    weights_of,
)

from nuwa_hf import NuwaForConditionalGeneration


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return save_adapter(tmp_path_factory.mktemp("lora") / "adapter")


def test_an_adapter_is_offloaded_as_the_layers_that_it_changes(adapter):
    """Its matrices stayed where they were, while the layers around them moved to the device and back."""
    pipeline = tiny_pipeline()
    offload_leaves(pipeline)
    pipeline.load_lora_weights(adapter)
    hooks = {
        name: getattr(module, "_diffusers_hook", None)
        for name, module in pipeline.transformer.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    assert any("lora_A" in name for name in hooks)
    assert [name for name, hook in hooks.items() if hook is None or hook.get_hook("group_offloading") is None] == []
    assert torch.equal(draw(pipeline), draw(merged(adapted(1))))


def offload_to_disk_by_a_map(pipeline, folder):
    pipeline.transformer.save_pretrained(folder / "saved")
    pipeline.transformer = NuwaForConditionalGeneration.from_pretrained(
        folder / "saved", device_map={"model": "disk", "head": "cpu"}, offload_folder=folder / "offload"
    )


@pytest.mark.parametrize(
    ("offload", "remedy"),
    [
        (offload_to_disk_by_groups, "before `enable_group_offload`"),
        (offload_to_disk_by_a_map, "load it with one that"),
    ],
)
def test_an_adapter_is_refused_where_the_weights_are_on_disk(offload, remedy, adapter, tmp_path):
    """A transformer that a map had put there was left without weights."""
    pipeline = tiny_pipeline()
    before = draw(pipeline)
    offload(pipeline, tmp_path)
    with pytest.raises(ValueError, match=f"must not be offloaded to disk .* {remedy}"):
        pipeline.load_lora_weights(adapter)
    assert pipeline.get_list_adapters() == {}
    assert torch.equal(draw(pipeline), before)


def rounded(pipeline, dtype=torch.float8_e4m3fn):
    """What weights that are stored in fewer bits mean."""
    for module in pipeline.transformer.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Embedding):
            module.weight.data = module.weight.data.to(dtype).to(module.weight.dtype)
    return pipeline


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.bfloat16])
@pytest.mark.parametrize("is_first", [True, False], ids=["adapter first", "casting first"])
def test_an_adapter_is_not_stored_in_fewer_bits_with_the_weights(is_first, dtype, adapter):
    """Its matrices were rounded as well and, where it came later, could not be multiplied."""
    exact, pipeline = rounded(tiny_pipeline(), dtype), tiny_pipeline()
    plain = draw(exact)
    exact.load_lora_weights(adapter)
    if is_first:
        pipeline.load_lora_weights(adapter, "mine")
    pipeline.transformer.enable_layerwise_casting(storage_dtype=dtype)
    if not is_first:
        pipeline.load_lora_weights(adapter, "mine")
    for name, layer in layers_of(pipeline).items():
        assert layer.base_layer.weight.dtype == dtype
        for one in ("lora_A", "lora_B"):
            saved = weights_of(adapter)[f"base_model.model.{name}.{one}.weight"]
            assert torch.equal(getattr(layer, one)["mine"].weight, saved)
    assert torch.equal(draw(pipeline), draw(exact))
    pipeline.unload_lora_weights()
    assert torch.equal(draw(pipeline), plain)


def test_an_adapter_of_more_bits_than_the_model_reads_its_inputs_in_them(adapter):
    """As PEFT makes them beside weights in bfloat16."""
    pipelines = rounded(tiny_pipeline().to(torch.bfloat16)), tiny_pipeline().to(torch.bfloat16)
    for pipeline in pipelines:
        pipeline.transformer = peft.PeftModel.from_pretrained(pipeline.transformer, adapter)
        assert {layer.lora_A["default"].weight.dtype for layer in layers_of(pipeline).values()} == {torch.float32}
    pipelines[1].transformer.enable_layerwise_casting()
    batch = {"input_ids": torch.tensor([[5, 6, 7]]), "visual_tokens": torch.zeros(1, *VISUAL_GRID, dtype=torch.long)}
    exact, found = (pipeline.transformer(**batch).logits for pipeline in pipelines)
    assert torch.equal(found, exact)


def test_a_peft_model_draws_candidates_as_its_merged_weights_do():
    pipeline = tiny_pipeline(transformer=adapted(1))
    assert torch.equal(draw(pipeline, num_candidates=3), draw(merged(adapted(1)), num_candidates=3))


def offload_blocks(pipeline, **settings):
    settings = {"exclude_modules": ["vqgan", "sketch_vqgan"], "num_blocks_per_group": 1, **settings}
    pipeline.enable_group_offload(torch.device("cpu"), **settings)


@pytest.mark.parametrize("offload", [lambda pipeline: pipeline.enable_model_cpu_offload(device="cpu"), offload_blocks])
def test_a_peft_model_whose_hook_would_not_run_is_not_offloaded(offload):
    """Its `generate` runs the model within, whose weights stayed where they were."""
    pipeline = tiny_pipeline(transformer=adapted(1))
    before = draw(pipeline)
    with pytest.raises(ValueError, match=r"got PeftModel, whose `generate`.*`merge_and_unload\(\)` of a `PeftModel`"):
        offload(pipeline)
    assert torch.equal(draw(pipeline), before)
    pipeline.transformer = pipeline.transformer.merge_and_unload()
    offload(pipeline)
    assert torch.equal(draw(pipeline), before)


def test_a_peft_model_is_offloaded_leaf_by_leaf(tmp_path):
    pipeline = tiny_pipeline(transformer=adapted(1))
    before = draw(pipeline)
    offload_leaves(pipeline, offload_to_disk_path=str(tmp_path))
    assert torch.equal(draw(pipeline), before)
