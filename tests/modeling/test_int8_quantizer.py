# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""8-bit weights the Hugging Face way: `quantization_config`, saving, loading and refusals."""

import json

import pytest
import torch
from diffusers import PipelineQuantizationConfig
from safetensors.torch import load_file
from tiny import VISUAL_GRID, seeded, tiny_pipeline, tiny_transformer
from tiny_clip import tiny_nuwa
from torch import nn
from transformers import AutoModelForSeq2SeqLM, EetqConfig, Trainer, TrainingArguments

from nuwa_hf import NuwaForConditionalGeneration, NuwaInt8Config, NuwaModel, NuwaTextToVideoPipeline
from nuwa_hf.generation.schedule import SCHEDULES
from nuwa_hf.modeling import int8_linear
from nuwa_hf.modeling.int8_linear import Int8Linear


TEXT = torch.tensor([[5, 17, 23, 9], [7, 7, 40, 11]])
TOKENS = torch.arange(120).view(2, *VISUAL_GRID) % 32


@pytest.fixture(scope="module")
def float_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("float")
    tiny_transformer().save_pretrained(folder)
    return folder


def load_int8(folder, **config):
    return NuwaForConditionalGeneration.from_pretrained(folder, quantization_config=NuwaInt8Config(**config))


def logits_of(model):
    return model(TEXT, visual_tokens=TOKENS).logits


def layers_of(model, kind):
    return {name: module for name, module in model.named_modules() if isinstance(module, kind)}


def test_every_linear_layer_of_ours_becomes_8_bit(float_folder):
    original, model = tiny_transformer(), load_int8(float_folder)
    assert layers_of(model, nn.Linear) == {}
    assert set(layers_of(model, Int8Linear)) == set(layers_of(original, nn.Linear))
    for name, linear in layers_of(original, nn.Linear).items():
        expected, layer = Int8Linear.from_linear(linear), model.get_submodule(name)
        assert torch.equal(layer.weight, expected.weight)
        assert torch.equal(layer.scale, expected.scale)
    kept = {name: tensor for name, tensor in model.state_dict().items() if name in original.state_dict()}
    for name, tensor in kept.items():
        if name.removesuffix(".weight") not in layers_of(model, Int8Linear):
            assert torch.equal(tensor, original.state_dict()[name])
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_logits_are_near_those_in_floating_point(float_folder):
    with torch.no_grad():
        original, quantised = (logits_of(model) for model in (tiny_transformer(), load_int8(float_folder)))
    # Rounding to 8 bits costs about a percent in each layer; with a wrong scale or layer nothing would be alike.
    assert nn.functional.cosine_similarity(original.flatten(), quantised.flatten(), dim=0) > 0.995


@pytest.mark.parametrize("kept", ["head", "model.decoder.layers.0", r"model\.encoder.*", "self_attn.q_proj"])
def test_modules_can_stay_in_floating_point(kept, float_folder, tmp_path):
    model = load_int8(float_folder, modules_to_not_convert=[kept])
    names = {
        "head": {"head"},
        "model.decoder.layers.0": {n for n in layers_of(tiny_transformer(), nn.Linear) if ".decoder.layers.0." in n},
        r"model\.encoder.*": {n for n in layers_of(tiny_transformer(), nn.Linear) if ".encoder." in n},
        "self_attn.q_proj": {n for n in layers_of(tiny_transformer(), nn.Linear) if n.endswith("self_attn.q_proj")},
    }[kept]
    assert set(layers_of(model, nn.Linear)) == names
    model.save_pretrained(tmp_path)
    assert torch.equal(logits_of(NuwaForConditionalGeneration.from_pretrained(tmp_path)), logits_of(model))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_saved_model_loads_to_the_same_bits(dtype, float_folder, tmp_path):
    """Also in bfloat16, where weights used to be rounded to bfloat16 first and to 8 bits after that."""
    config = NuwaInt8Config()
    model = NuwaForConditionalGeneration.from_pretrained(float_folder, quantization_config=config, dtype=dtype)
    assert model.dtype == dtype
    exact = load_int8(float_folder)
    for name, layer in layers_of(model, Int8Linear).items():
        assert layer.scale.dtype == torch.float32
        assert torch.equal(layer.weight, exact.get_submodule(name).weight)
        assert torch.equal(layer.scale, exact.get_submodule(name).scale)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["quantization_config"]["quant_method"] == "nuwa_int8"
    assert load_file(tmp_path / "model.safetensors")["head.weight"].dtype == torch.int8
    for loaded in (
        NuwaForConditionalGeneration.from_pretrained(tmp_path),
        AutoModelForSeq2SeqLM.from_pretrained(tmp_path),
    ):
        assert loaded.dtype == dtype
        assert {k: v.dtype for k, v in loaded.state_dict().items()} == {
            k: v.dtype for k, v in model.state_dict().items()
        }
        assert torch.equal(logits_of(loaded), logits_of(model))


def test_model_without_a_head_is_quantised_too(tmp_path):
    tiny_transformer().model.save_pretrained(tmp_path)
    model = NuwaModel.from_pretrained(tmp_path, quantization_config=NuwaInt8Config())
    assert layers_of(model, nn.Linear) == {}


def test_clip_stays_as_it_is(tmp_path):
    original = tiny_nuwa()
    original.save_pretrained(tmp_path / "float")
    model = load_int8(tmp_path / "float")
    expected = {name for name in layers_of(original, nn.Linear) if name.startswith("model.text_encoder.")}
    assert set(layers_of(model, nn.Linear)) == expected
    assert layers_of(model, Int8Linear)
    with torch.no_grad():
        assert torch.equal(model.model.encode_text(TEXT).hidden_states, original.model.encode_text(TEXT).hidden_states)
    model.save_pretrained(tmp_path / "int8")
    loaded = NuwaForConditionalGeneration.from_pretrained(tmp_path / "int8")
    assert torch.equal(logits_of(loaded), logits_of(model))


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_pipeline_quantises_saves_and_loads(dtype, tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "float")
    config = PipelineQuantizationConfig(quant_mapping={"transformer": NuwaInt8Config()})
    pipeline = NuwaTextToVideoPipeline.from_pretrained(tmp_path / "float", quantization_config=config, dtype=dtype)
    assert layers_of(pipeline.transformer, nn.Linear) == {}
    pipeline.save_pretrained(tmp_path / "int8")
    loaded = NuwaTextToVideoPipeline.from_pretrained(tmp_path / "int8", dtype=dtype)
    for each in (pipeline, loaded):
        each.set_progress_bar_config(disable=True)
    first, second = (each("a red apple", generator=seeded(0), output_type="pt").frames for each in (pipeline, loaded))
    assert torch.equal(first, second)
    pipeline.to("cpu", torch.float32)
    assert layers_of(pipeline.transformer, Int8Linear)


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_orders_of_sampling_give_the_same_tokens(guidance_scale, float_folder):
    """Everything else is in float64, so that only the 8-bit layers round noticeably."""
    model = load_int8(float_folder).to(torch.float64)
    for text in (TEXT[:1], TEXT):
        wavefront, raster = (
            model.generate(
                text,
                grid=VISUAL_GRID,
                schedule=schedule,
                guidance_scale=guidance_scale,
                generator=seeded(*range(len(text))),
            ).tokens
            for schedule in SCHEDULES
        )
        assert torch.equal(wavefront, raster)


def test_only_one_method_quantises_a_model(float_folder, tmp_path):
    load_int8(float_folder).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="quantized with NuwaInt8Config but you are passing a EetqConfig"):
        NuwaForConditionalGeneration.from_pretrained(tmp_path, quantization_config=EetqConfig())
    with pytest.warns(UserWarning, match="already has a `quantization_config`"):
        again = load_int8(tmp_path)
    assert torch.equal(logits_of(again), logits_of(load_int8(float_folder)))
    with pytest.raises(ValueError, match="`quant_method` must be 'nuwa_int8', got 'eetq'"):
        NuwaInt8Config(quant_method="eetq")


@pytest.mark.parametrize("device_map", ["cuda", {"": "cuda:0"}, {"": 0}, {"model": "cpu", "head": "disk"}])
def test_device_map_of_other_devices_is_refused(device_map, float_folder):
    with pytest.raises(ValueError, match=r"`device_map` must be the CPU .*`TorchAoConfig`"):
        NuwaForConditionalGeneration.from_pretrained(
            float_folder, quantization_config=NuwaInt8Config(), device_map=device_map
        )


@pytest.mark.parametrize("device_map", ["auto", "cpu", {"": "cpu"}])
def test_device_map_of_the_cpu_is_accepted(device_map, float_folder):
    model = NuwaForConditionalGeneration.from_pretrained(
        float_folder, quantization_config=NuwaInt8Config(), device_map=device_map
    )
    assert torch.equal(logits_of(model), logits_of(load_int8(float_folder)))


@pytest.mark.gpu
def test_model_that_must_not_move_stays_whole(float_folder):
    model = load_int8(float_folder)
    with pytest.raises(ValueError, match="runs on the CPU, got the device 'cuda:0'"):
        model.to("cuda")
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}


def test_training_is_refused(float_folder, tmp_path):
    model = load_int8(float_folder)
    arguments = TrainingArguments(output_dir=tmp_path, report_to="none", use_cpu=True)
    with pytest.raises(ValueError, match="cannot perform fine-tuning on purely quantized models"):
        Trainer(model=model, args=arguments)
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.requires_grad_(True)
    with pytest.raises(ValueError, match="`hidden_states` must not require a gradient"):
        model(TEXT, labels=TOKENS)


def test_weights_that_were_all_loaded_as_zero_are_an_error(tmp_path):
    # As some versions of transformers load every checkpoint.
    model = tiny_transformer()
    for linear in layers_of(model, nn.Linear).values():
        nn.init.zeros_(linear.weight)
    model.save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match=r"weights must not all be zero.*use transformers 5\.23 or newer"):
        load_int8(tmp_path)


@pytest.mark.compiled
def test_a_program_is_traced_before_the_first_product(float_folder):
    int8_linear._measured_exactness.cache_clear()
    model = load_int8(float_folder)
    inputs = {"input_ids": TEXT, "visual_tokens": TOKENS, "return_dict": False}
    exported = torch.export.export(model, (), inputs, strict=False).module()
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    for program in (exported, compiled):
        assert torch.equal(program(**inputs)[0], model(**inputs)[0])
