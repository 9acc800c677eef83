# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Adapters in a pipeline draw what the merged weights draw, and leave no trace when they are taken out."""

import json
from inspect import signature

import pytest
import torch
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
from diffusers.loaders.lora_pipeline import WanLoraLoaderMixin
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import tiny_pipeline, tiny_transformer
from tiny_adapters import adapted, draw, merged, peft, save_adapter, weights_of
from transformers import PreTrainedModel

from nuwa_hf import NuwaTextToVideoPipeline


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return save_adapter(tmp_path_factory.mktemp("lora") / "adapter")


@pytest.mark.parametrize("task", ["S2I", "TV2V"])
def test_loaded_adapter_draws_as_merged_weights_do_and_goes_without_a_trace(task, adapter):
    pipeline = tiny_pipeline(task)
    before = draw(pipeline, task)
    weights = {name: weight.clone() for name, weight in pipeline.transformer.state_dict().items()}
    pipeline.load_lora_weights(adapter)
    expected = draw(merged(adapted(1), task), task)
    assert not torch.equal(before, expected)
    assert torch.equal(draw(pipeline, task), expected)
    pipeline.unload_lora_weights()
    assert torch.equal(draw(pipeline, task), before)
    assert all(torch.equal(weight, weights[name]) for name, weight in pipeline.transformer.state_dict().items())
    assert all(weight.requires_grad for weight in pipeline.transformer.parameters())


def in_layout_of_diffusers(adapter, folder):
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(adapter, adapter_name="mine")
    NuwaTextToVideoPipeline.save_lora_weights(
        folder,
        peft.get_peft_model_state_dict(pipeline.transformer, adapter_name="mine"),
        transformer_lora_adapter_metadata=pipeline.transformer.peft_config["mine"].to_dict(),
    )
    return folder


def with_alpha_of_the_rank(adapter, folder):
    """Weights alone: without settings alpha is the rank, so B carries the rest."""
    return {name: weight * (5 / 2 if "lora_B" in name else 1) for name, weight in weights_of(adapter).items()}


@pytest.mark.parametrize(
    "source",
    [
        in_layout_of_diffusers,
        with_alpha_of_the_rank,
        lambda adapter, folder: adapter / "adapter_model.safetensors",
        lambda adapter, folder: str(in_layout_of_diffusers(adapter, folder) / "pytorch_lora_weights.safetensors"),
    ],
    ids=["folder of diffusers", "weights", "file of PEFT", "file of diffusers"],
)
def test_every_way_to_give_an_adapter_draws_the_same(source, adapter, tmp_path):
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(source(adapter, tmp_path), adapter_name="text")
    assert torch.equal(draw(pipeline), draw(merged(adapted(1))))


def test_an_adapter_is_saved_with_the_arguments_of_diffusers(adapter, tmp_path):
    theirs, ours = (signature(one.save_lora_weights) for one in (WanLoraLoaderMixin, NuwaTextToVideoPipeline))
    assert list(ours.parameters) == list(theirs.parameters)
    save, weights = NuwaTextToVideoPipeline.save_lora_weights, weights_of(adapter)
    save(tmp_path / "other", weights, is_main_process=False)
    assert not (tmp_path / "other").exists()
    save(tmp_path / "own", weights, save_function=save_file)
    save(tmp_path / "default", weights, True, None, None, True)
    saved = [load_file(tmp_path / folder / "pytorch_lora_weights.safetensors") for folder in ("own", "default")]
    assert saved[0].keys() == saved[1].keys()
    assert all(torch.equal(saved[0][name], weight) for name, weight in saved[1].items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"safe_serialization": False}, r"`safe_serialization` must be True, got False: .* safetensors only"),
        ({"save_function": save_file}, r"`save_function` must be left out beside `transformer_lora_adapter_metadata`"),
    ],
)
def test_an_adapter_is_not_saved_as_a_pickle_nor_without_its_settings(arguments, message, adapter, tmp_path):
    with pytest.raises(ValueError, match=message):
        NuwaTextToVideoPipeline.save_lora_weights(
            tmp_path / "saved", weights_of(adapter), transformer_lora_adapter_metadata={"r": 5}, **arguments
        )
    assert not (tmp_path / "saved").exists()


def test_settings_name_their_modules_in_one_order(tmp_path):
    """A set was written in the order of its hashes, another one in each process."""
    weights, settings = {"q_proj.lora_A.weight": torch.zeros(1)}, {"target_modules": set("abcdefgh"), "r": 2}
    NuwaTextToVideoPipeline.save_lora_weights(tmp_path, weights, transformer_lora_adapter_metadata=settings)
    with safe_open(tmp_path / "pytorch_lora_weights.safetensors", "pt") as file:
        saved = json.loads(file.metadata()[LORA_ADAPTER_METADATA_KEY])
    assert saved == {"transformer.target_modules": list("abcdefgh"), "transformer.r": 2}
    assert settings["target_modules"] == set("abcdefgh")


def test_loading_an_adapter_leaves_torchs_random_numbers_alone(adapter):
    pipeline, before = tiny_pipeline(), torch.get_rng_state()
    pipeline.load_lora_weights(adapter)
    assert torch.equal(torch.get_rng_state(), before)


def test_adapters_are_mixed_switched_deleted_and_fused_by_name(adapter, tmp_path):
    adapted(2, r=3).save_pretrained(tmp_path / "other", save_embedding_layers=False)
    pipeline = tiny_pipeline()
    plain, one, other = draw(pipeline), draw(merged(adapted(1))), draw(merged(adapted(2, r=3)))
    pipeline.load_lora_weights(adapter, adapter_name="one")
    pipeline.load_lora_weights(tmp_path / "other")
    assert pipeline.get_list_adapters() == {"transformer": ["one", "default_1"]}
    assert torch.equal(draw(pipeline), other)  # the newest one alone is active
    pipeline.set_adapters("one")
    assert pipeline.get_active_adapters() == ["one"]
    assert torch.equal(draw(pipeline), one)
    pipeline.set_adapters(["one", "default_1"], [1.0, 0.0])
    assert torch.equal(draw(pipeline), one)
    pipeline.disable_lora()
    assert torch.equal(draw(pipeline), plain)
    pipeline.enable_lora()
    pipeline.delete_adapters("default_1")
    pipeline.set_adapters("one")
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    assert torch.equal(draw(pipeline), one)
    pipeline.save_pretrained(tmp_path / "fused")
    assert torch.equal(draw(NuwaTextToVideoPipeline.from_pretrained(tmp_path / "fused")), one)


def test_with_the_last_adapter_the_pipeline_is_saved_as_it_was(adapter, tmp_path):
    """PEFT's layers stayed: the weights were saved by other names, so that the checkpoint loaded random ones."""
    pipeline = tiny_pipeline()
    before, names = draw(pipeline), pipeline.transformer.state_dict().keys()
    pipeline.load_lora_weights(adapter, "one")
    pipeline.load_lora_weights(adapter, "other")
    pipeline.delete_adapters("one")
    assert pipeline.get_list_adapters() == {"transformer": ["other"]}
    pipeline.delete_adapters(["other"])
    assert pipeline.transformer.state_dict().keys() == names
    pipeline.save_pretrained(tmp_path / "saved")
    assert torch.equal(draw(NuwaTextToVideoPipeline.from_pretrained(tmp_path / "saved")), before)
    pipeline.delete_adapters("one")  # of a plain transformer: nothing
    assert torch.equal(draw(pipeline), before)


def leave_layers_of(pipeline, adapter):
    pipeline.load_lora_weights(adapter, "mine")
    PreTrainedModel.delete_adapter(pipeline.transformer, "mine")  # ours takes the layers out


def put_in(pipeline, adapter):
    pipeline.transformer = peft.PeftModel.from_pretrained(pipeline.transformer, adapter)


@pytest.mark.compiled
def test_what_torch_compile_returns_is_told_from_a_peft_model(adapter, tmp_path):
    """It was to be merged by a method that it has not."""
    plain, loaded, left = tiny_pipeline(), tiny_pipeline(), tiny_pipeline()
    loaded.load_lora_weights(adapter)
    leave_layers_of(left, adapter)
    for pipeline in (plain, loaded, left):
        pipeline.transformer = torch.compile(pipeline.transformer, backend="eager")
    refused = [lambda: plain.load_lora_weights(adapter)]
    refused += [lambda: loaded.save_pretrained(tmp_path), lambda: left.save_pretrained(tmp_path)]
    for call in refused:
        with pytest.raises(ValueError, match=r"got what `torch.compile` returned.*`pipeline\.transformer\.compile"):
            call()
    plain.save_pretrained(tmp_path)
    plain.transformer = plain.transformer._orig_mod
    plain.load_lora_weights(adapter)
    assert torch.equal(draw(plain), draw(loaded))


@pytest.mark.parametrize(
    ("prepare", "remedy"),
    [
        (lambda pipeline, adapter: pipeline.load_lora_weights(adapter), r"`fuse_lora\(\)` and `unload_lora_weights"),
        (put_in, r"PeftModel with 'default'; merge them with `merge_and_unload\(\)`"),
        (leave_layers_of, r"no layers of PEFT .*, got .*Linear.*; call `unload_lora_weights\(\)` first"),
    ],
    ids=["loaded", "PeftModel", "layers"],
)
def test_a_pipeline_with_adapters_is_not_saved_half(prepare, remedy, adapter, tmp_path):
    """The transformer's folder held the adapter alone, or nothing, and did not load."""
    pipeline = tiny_pipeline()
    prepare(pipeline, adapter)
    with pytest.raises(ValueError, match=remedy):
        pipeline.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def of_other_size(adapter, folder):
    return {name: torch.zeros(2, 7) if "lora_A" in name else weight for name, weight in weights_of(adapter).items()}


def of_other_layers(adapter, folder):
    return {name.replace("layers.0", "blocks.0"): weight for name, weight in weights_of(adapter).items()}


def with_settings(**changed):
    def make(adapter, folder):
        settings = json.loads((adapter / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps(settings | changed))
        save_file(weights_of(adapter), folder / "adapter_model.safetensors")
        return folder

    return make


def without_one_matrix(ending):
    def make(adapter, folder):
        weights = weights_of(adapter)
        weights.pop(next(name for name in sorted(weights) if name.endswith(ending)))
        return weights

    return make


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (of_other_size, ValueError, "in_features = 16, got 7"),
        (of_other_layers, ValueError, "`model.decoder.blocks.0.cross_attn.o_proj`, which is not there"),
        (with_settings(peft_type="IA3"), ValueError, "must be one of LoRA, got 'IA3'"),
        (with_settings(r=4), ValueError, r"settings ask for, \(4, 16\) for `.*\.lora_A`, got \(2, 16\); take weights"),
        (with_settings(use_dora=True), ValueError, r"\(16,\) for `.*\.lora_magnitude_vector`, got none; take weights"),
        (with_settings(modules_to_save=["head"]), ValueError, r"LoRA alone, got `modules_to_save` \['head'\]"),
        (without_one_matrix("lora_A.weight"), ValueError, r"\(2, 16\) for `.*\.lora_A`, got none"),
        (without_one_matrix("lora_B.weight"), ValueError, r"\(16, 2\) for `.*\.lora_B`, got none"),
        (lambda adapter, folder: tiny_transformer().state_dict(), ValueError, "whose names have `.lora_A`"),
        (lambda adapter, folder: folder, OSError, "No adapter: .* has neither adapter_config.json nor pytorch_lora"),
    ],
)
def test_what_is_no_adapter_of_this_transformer_is_refused_and_changes_nothing(
    source, error, message, adapter, tmp_path
):
    """Weights of other settings ended in errors of PEFT's and half an adapter; what was missing was filled in."""
    pipeline = tiny_pipeline()
    before = draw(pipeline)
    with pytest.raises(error, match=message):
        pipeline.load_lora_weights(source(adapter, tmp_path))
    assert pipeline.get_list_adapters() == {}
    assert torch.equal(draw(pipeline), before)


def test_a_name_is_given_once(adapter):
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(adapter, adapter_name="mine")
    with pytest.raises(ValueError, match="`adapter_name` must be new, got 'mine'"):
        pipeline.load_lora_weights(adapter, adapter_name="mine")


@pytest.mark.parametrize("name", ["v1.5", "keys", "training", 5])
def test_a_name_that_no_module_can_have_is_refused(name, adapter, without_adapters):
    """It ended in a `KeyError` of torch's."""
    with pytest.raises(ValueError, match=f"`adapter_name` must be a name .* without dots, got {name!r}"):
        without_adapters.load_lora_weights(adapter, adapter_name=name)
    assert without_adapters.get_list_adapters() == {}


@pytest.mark.parametrize("source", [lambda folder: folder, weights_of])
def test_an_adapter_of_dora_is_loaded_with_its_vectors(source, tmp_path):
    model = adapted(1, use_dora=True, lora_alpha=2)  # the rank, which weights alone are taken to have
    model.save_pretrained(tmp_path, save_embedding_layers=False)
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(source(tmp_path))
    assert torch.equal(draw(pipeline), draw(merged(model)))


@pytest.fixture(scope="module")
def without_adapters():
    """A pipeline that only refuses."""
    return tiny_pipeline()


@pytest.mark.parametrize("source", [lambda adapter: adapter, weights_of, lambda adapter: "user/adapter"])
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"adaptor_name": "mine"}, TypeError, "no argument `adaptor_name`; did you mean `adapter_name`"),
        ({"weight_nam": "mine"}, TypeError, "no argument `weight_nam`; did you mean `weight_name`"),
        ({"revison": "v1"}, TypeError, "no argument `revison`; did you mean `revision`"),
        ({"filename": "mine"}, TypeError, "no argument `filename`"),
        ({"hotswap": True}, ValueError, "must not be swapped in place; load each by a name"),
    ],
)
def test_arguments_that_there_are_not_are_refused_wherever_the_adapter_is(
    source, given, error, message, adapter, without_adapters
):
    """Folders and weights ignored them, and of repositories huggingface_hub's own function complained."""
    with pytest.raises(error, match=message):
        without_adapters.load_lora_weights(source(adapter), **given)
    assert without_adapters.get_list_adapters() == {}


def test_arguments_of_diffusers_that_are_not_needed_are_taken(adapter):
    pipeline = tiny_pipeline()
    given = {"low_cpu_mem_usage": True, "use_safetensors": True, "hotswap": False, "token": None}
    pipeline.load_lora_weights(adapter, adapter_name="mine", **given)
    assert pipeline.get_active_adapters() == ["mine"]
    with pytest.raises(OSError, match="Cannot load 'user/adapter' from the Hub"):  # tests are offline
        pipeline.load_lora_weights("user/adapter", **given)


def beginning(adapter, folder, start):
    """The adapter as if it had been initialised otherwise."""
    return with_settings(init_lora_weights=start)(adapter, folder)


@pytest.mark.parametrize("start", ["pissa", "pissa_niter_4", "olora", "OLoRA", "corda", "loftq", "lora_ga"])
def test_an_adapter_that_changes_the_base_weights_is_refused(start, adapter, tmp_path):
    """It changed them when it was loaded, and they stayed so without it."""
    pipeline = tiny_pipeline()
    before = draw(pipeline)
    with pytest.raises(ValueError, match=f"got `init_lora_weights` '{start}'.*path_initial_model_for_weight_conv"):
        pipeline.load_lora_weights(beginning(adapter, tmp_path, start))
    assert torch.equal(draw(pipeline), before)


@pytest.mark.parametrize("start", [True, False, "gaussian", "eva", "orthogonal"])
def test_an_adapter_with_another_beginning_is_loaded(start, adapter, tmp_path):
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(beginning(adapter, tmp_path, start))
    assert torch.equal(draw(pipeline), draw(merged(adapted(1))))


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_a_converted_adapter_changes_no_base_weights_and_is_loaded(start, tmp_path):
    model = adapted(1, init_lora_weights=start)
    model.save_pretrained(tmp_path / "start", save_embedding_layers=False)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight += 0.1 * torch.randn_like(weight)
    settings = {"path_initial_model_for_weight_conversion": str(tmp_path / "start"), "save_embedding_layers": False}
    model.save_pretrained(tmp_path / "converted", **settings)
    pipeline = tiny_pipeline()
    pipeline.load_lora_weights(tmp_path / "converted")
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    expected = model.merge_and_unload().state_dict()
    for name, weight in pipeline.transformer.state_dict().items():
        torch.testing.assert_close(weight, expected[name], atol=1e-4, rtol=1e-4)
