# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The wrappers that libraries put around a model leave the tokens of a plain call, in an image and in a video task."""

import functools
import math

import accelerate
import peft
import pytest
import torch
from tiny import CAPTIONS, seeded, tiny_codecs, tiny_inputs, tiny_pipeline

from nuwa_hf import NuwaForConditionalGeneration


@pytest.fixture(params=["S2I", "TV2V"])
def task(request):
    return request.param


def run(pipeline, task, **settings):
    settings = {"output_type": "latent", "guidance_scale": 2.0, **settings}
    return pipeline(**tiny_inputs(task), generator=seeded(0), **settings)


@functools.cache
def plain_tokens(task):
    return run(tiny_pipeline(task), task).tokens


def offload_decoder_to_disk(pipeline, folder):
    pipeline.transformer.save_pretrained(folder / "saved")
    pipeline.transformer = NuwaForConditionalGeneration.from_pretrained(
        folder / "saved",
        device_map={
            "model.text_embeddings": "cpu",
            "model.sketch_embeddings": "cpu",
            "model.known_embeddings": "cpu",
            "model.encoder": "cpu",
            "model.decoder": "disk",
            "head": "cpu",
        },
        offload_folder=folder / "offload",
    )


def offload_model_by_model(pipeline, folder):
    pipeline.enable_model_cpu_offload(device="cpu")


def offload_module_by_module(pipeline, folder):
    # This is what `enable_sequential_cpu_offload` does, except that it asks for the device "cpu:0". accelerate
    # then replaces parameters by plain tensors.
    for component in pipeline.components.values():
        if isinstance(component, torch.nn.Module):
            accelerate.cpu_offload(component, torch.device("cpu"), offload_buffers=len(component._parameters) > 0)


def offload_groups(pipeline, folder, **settings):
    # To disk, so that weights which are not brought back in time are missing. Two codecs have no room in one folder.
    settings |= {"offload_to_disk_path": str(folder), "exclude_modules": "sketch_vqgan"}
    pipeline.enable_group_offload(torch.device("cpu"), **settings)


def offload_groups_of_leaves(pipeline, folder):
    offload_groups(pipeline, folder, offload_type="leaf_level")


def offload_groups_of_blocks(pipeline, folder):
    offload_groups(pipeline, folder, offload_type="block_level", num_blocks_per_group=1)


def add_an_idle_adapter(pipeline, folder):
    # The second matrix of a fresh adapter is zero, so the adapter changes nothing yet.
    pipeline.transformer.add_adapter(peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj", "up_proj"]))


@pytest.mark.parametrize(
    "wrap",
    [
        offload_decoder_to_disk,
        offload_model_by_model,
        offload_module_by_module,
        offload_groups_of_leaves,
        offload_groups_of_blocks,
        add_an_idle_adapter,
    ],
)
def test_a_wrapped_model_gives_the_tokens_of_a_plain_one(wrap, task, tmp_path):
    pipeline = tiny_pipeline(task)
    wrap(pipeline, tmp_path)
    assert torch.equal(run(pipeline, task).tokens, plain_tokens(task))
    assert torch.equal(run(pipeline, task).tokens, plain_tokens(task))  # nor does the first call affect the second


@pytest.mark.parametrize("settings", [{"offload_type": "leaf_level"}, {"num_blocks_per_group": 1}])
def test_all_components_are_offloaded_in_groups_and_draw_the_same_pixels(settings, task):
    """The codecs ended the call, in every pipeline."""
    pipeline = tiny_pipeline(task)
    pipeline.enable_group_offload("cpu", **settings)
    for codec in (pipeline.vqgan, pipeline.sketch_vqgan):
        assert all(hasattr(part, "_diffusers_hook") for part in (codec.quant_conv, codec.quantize.embedding))
    found, expected = (run(one, task, output_type="pt") for one in (pipeline, tiny_pipeline(task)))
    (name,) = {"images", "frames"} & set(found)
    assert torch.equal(found[name], expected[name])


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (
            "vqmodel",
            {},
            r"have no group offloading, vqgan, sketch_vqgan, got \[\]; give exclude_modules=\['vqgan', 'sketch_",
        ),
        (
            "vqmodel",
            {"exclude_modules": "vqgan"},
            r"offloading, sketch_vqgan, got \['vqgan'\]; give exclude_modules=\['v",
        ),
        (
            "nearest",
            {"offload_to_disk_path": "groups"},
            r"one of two codecs .* give exclude_modules=\['sketch_vqgan'\]",
        ),
    ],
)
def test_codecs_without_groups_are_refused_before_anything_changes(kind, settings, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pipeline = tiny_pipeline("T2V", **tiny_codecs(kind))
    with pytest.raises(ValueError, match=message):
        pipeline.enable_group_offload(torch.device("cpu"), offload_type="leaf_level", **settings)
    models = (pipeline.transformer, pipeline.vqgan, pipeline.sketch_vqgan)
    assert not [part for model in models for part in model.modules() if hasattr(part, "_diffusers_hook")]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrap", [offload_model_by_model, offload_groups_of_leaves, offload_groups_of_blocks])
def test_texts_are_encoded_with_weights_that_are_offloaded(wrap, tmp_path):
    """Groups of blocks came only to the model's own calls, and texts were encoded with what stood in their place."""
    plain, pipeline, texts = tiny_pipeline("T2V"), tiny_pipeline("T2V"), (list(CAPTIONS[:2]), CAPTIONS[2])
    wrap(pipeline, tmp_path)
    if wrap is not offload_model_by_model:
        for weight in pipeline.transformer.parameters():
            weight.data.fill_(math.nan)  # they are on disk
    embeds, mask, negative, _ = plain.encode_prompt(*texts)
    found = pipeline.encode_prompt(*texts)
    assert torch.equal(found[0], embeds)
    assert torch.equal(found[2], negative)
    given = {"prompt_embeds": embeds, "prompt_attention_mask": mask, "generator": seeded(0, 1), "guidance_scale": 2.0}
    tokens = pipeline(**given, output_type="latent").tokens  # "None" is encoded beside them
    given["generator"] = seeded(0, 1)
    assert torch.equal(tokens, plain(**given, output_type="latent").tokens)
    seen = []

    def note(pipe, step, timestep, callback_kwargs):
        seen.append(callback_kwargs["prompt_embeds"])

    settings = {"callback_on_step_end": note, "callback_on_step_end_tensor_inputs": ["prompt_embeds"]}
    pipeline(texts[0], generator=seeded(0, 1), output_type="latent", **settings)
    assert torch.equal(seen[0], embeds)


def logits_of(pipeline, task, context=None):
    """The logits of every step of a greedy call, and its tokens."""
    seen = []
    hook = pipeline.transformer.head.register_forward_hook(lambda module, inputs, output: seen.append(output.float()))
    with context or torch.autocast("cpu", enabled=False):
        pipeline(**tiny_inputs(task), output_type="latent", top_k=1)
    hook.remove()
    return torch.cat(seen, 1)


def test_under_autocast_logits_agree_up_to_rounding(task):
    pipeline = tiny_pipeline(task)
    expected = logits_of(pipeline, task)
    found = logits_of(pipeline, task, torch.autocast("cpu", dtype=torch.bfloat16))
    # The places of the first step depend on no token, so rounding cannot have changed their inputs.
    assert found.shape == expected.shape
    # bfloat16 keeps 8 bits, and a random model amplifies rounding errors.
    torch.testing.assert_close(found[:, :1], expected[:, :1], atol=0.25 * expected.std().item(), rtol=0)


def test_with_weights_stored_in_8_bits_tokens_are_those_of_rounded_weights(task):
    pipeline, exact = tiny_pipeline(task), tiny_pipeline(task)
    for module in exact.transformer.modules():  # the rounding itself, by hand
        if isinstance(module, torch.nn.Linear | torch.nn.Embedding):
            module.weight.data = module.weight.data.to(torch.float8_e4m3fn).float()
    pipeline.transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn)
    stored = {parameter.dtype for parameter in pipeline.transformer.model.decoder.layers[0].self_attn.parameters()}
    assert stored == {torch.float8_e4m3fn}
    assert torch.equal(run(pipeline, task).tokens, run(exact, task).tokens)
