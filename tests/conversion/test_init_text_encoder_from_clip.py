# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from local_hub import Repository
from safetensors.torch import load_file, save_file
from tiny import MAX_TEXT_LENGTH, tiny_pipeline, tiny_transformer
from tiny_clip import BOS, EOS, VOCAB_SIZE, tiny_clip_config, tiny_clip_model, tiny_clip_tokenizer, tiny_nuwa
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from nuwa_hf import NuwaForConditionalGeneration
from nuwa_hf.modeling.tokenization_nuwa import load_text_tokenizer


PATH = Path(__file__).parents[2] / "conversion_scripts" / "init_text_encoder_from_clip.py"
SPEC = importlib.util.spec_from_file_location("init_text_encoder_from_clip", PATH)
script = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(script)

TEXTS = ["a red apple", "", "rot"]
SIZES = ("--preset", "emoji-motion", "--codebook_size", "32")


def whole_clip():
    vision = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 8,
        "patch_size": 4,
        "projection_dim": 6,
    }
    text = tiny_clip_config(projection_dim=6).to_dict()
    torch.manual_seed(6)
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=6)).eval()


def text_model_of(clip):
    return clip.text_model if hasattr(clip, "text_model") else clip


SOURCES = {
    "text model": tiny_clip_model,
    "with projection": lambda: CLIPTextModelWithProjection(tiny_clip_config(projection_dim=6)).eval(),
    "whole": whole_clip,
}


def save_source(folder, model=None, tokenizer=None):
    (model or tiny_clip_model()).save_pretrained(folder)
    (tokenizer or tiny_clip_tokenizer()).save_pretrained(folder)
    return str(folder)


def inputs_of(tokenizer):
    return dict(tokenizer(TEXTS, padding="max_length", truncation=True, return_tensors="pt"))


@pytest.mark.parametrize("kind", SOURCES)
def test_texts_are_encoded_as_by_the_source_to_the_bit(kind, tmp_path):
    clip = SOURCES[kind]()
    source = save_source(tmp_path / "clip", clip)
    assert script.main([source, str(tmp_path / "out"), *SIZES, "--verify"]) == 0
    model = NuwaForConditionalGeneration.from_pretrained(tmp_path / "out")
    inputs = inputs_of(load_text_tokenizer(tmp_path / "out"))
    assert all(torch.equal(tensor, inputs_of(tiny_clip_tokenizer())[name]) for name, tensor in inputs.items())
    expected = text_model_of(clip)(**inputs).last_hidden_state
    text_encoder = model.model.text_encoder
    assert torch.equal(text_encoder.clip(**inputs).last_hidden_state, expected)
    assert torch.equal(model.model.encode_text(**inputs).hidden_states, text_encoder.projection(expected))


def test_configuration_has_the_sizes_asked_for_and_the_tokenizers_special_tokens(tmp_path):
    clip = CLIPTextModel(
        tiny_clip_config(bos_token_id=0, eos_token_id=2, pad_token_id=1)
    )  # as OpenAI's first ones say
    source = save_source(tmp_path / "clip", clip)
    options = ("--visual_grid", "2", "4", "6", "--sketch_codebook_size", "9")
    assert script.main([source, str(tmp_path / "out"), *SIZES, *options]) == 0
    config = NuwaForConditionalGeneration.from_pretrained(tmp_path / "out").config
    assert (config.codebook_size, config.sketch_codebook_size, config.visual_grid) == (32, 9, (2, 4, 6))
    assert (config.vocab_size, config.max_text_length) == (VOCAB_SIZE, MAX_TEXT_LENGTH)
    assert (config.none_token_id, config.pad_token_id) == ((BOS, EOS), EOS)
    assert config.hidden_size == 192


def test_a_given_transformer_keeps_every_weight_but_those_of_its_texts(tmp_path):
    old = tiny_transformer()
    old.generation_config.guidance_scale = 2.5
    old.save_pretrained(tmp_path / "old")
    source = save_source(tmp_path / "clip")
    assert script.main([source, str(tmp_path / "out"), "--transformer", str(tmp_path / "old"), "--verify"]) == 0
    new = NuwaForConditionalGeneration.from_pretrained(tmp_path / "out")
    before, after = old.state_dict(), new.state_dict()
    assert {name for name in before if name not in after} == {n for n in before if ".text_embeddings." in n}
    assert {name for name in after if name not in before} == {n for n in after if ".text_encoder." in n}
    assert all(torch.equal(after[name], before[name]) for name in before.keys() & after.keys())
    assert new.generation_config.guidance_scale == 2.5


def test_another_clip_replaces_the_first(tmp_path):
    tiny_nuwa().save_pretrained(tmp_path / "old")
    clip = tiny_clip_model(hidden_size=24, num_hidden_layers=1)
    source = save_source(tmp_path / "clip", clip)
    assert script.main([source, str(tmp_path / "out"), "--transformer", str(tmp_path / "old")]) == 0
    new = NuwaForConditionalGeneration.from_pretrained(tmp_path / "out").model.text_encoder
    assert all(torch.equal(new.clip.state_dict()[name], weight) for name, weight in clip.state_dict().items())


def test_the_result_works_in_a_pipeline(tmp_path):
    tiny_transformer().save_pretrained(tmp_path / "old")
    source = save_source(tmp_path / "clip")
    assert script.main([source, str(tmp_path / "out"), "--transformer", str(tmp_path / "old")]) == 0
    transformer = NuwaForConditionalGeneration.from_pretrained(tmp_path / "out")
    pipeline = tiny_pipeline("T2I", transformer=transformer, tokenizer=load_text_tokenizer(tmp_path / "out"))
    assert len(pipeline(TEXTS[0], output_type="latent").images) == 1


def test_weights_have_the_type_asked_for_or_that_of_the_source(tmp_path):
    source = save_source(tmp_path / "clip", tiny_clip_model().half())
    for name, options, dtype in (("a", (), torch.float16), ("b", ("--dtype", "bfloat16"), torch.bfloat16)):
        assert script.main([source, str(tmp_path / name), *SIZES, "--verify", *options]) == 0
        assert {weight.dtype for weight in load_file(tmp_path / name / "model.safetensors").values()} == {dtype}


@pytest.mark.parametrize(
    ("clip", "given", "written"),
    [
        ("float16", "float32", "float32"),
        ("float32", "bfloat16", "float32"),
        ("float16", "bfloat16", "float32"),
        ("float16", "float16", "float16"),
    ],
)
def test_neither_the_given_transformer_nor_clip_is_rounded_unless_asked_for(clip, given, written, tmp_path):
    """All weights were written in the type of CLIP's."""
    old = tiny_transformer().to(getattr(torch, given))
    old.save_pretrained(tmp_path / "old")
    texts = tiny_clip_model().to(getattr(torch, clip))
    source = save_source(tmp_path / "clip", texts)
    options = ("--transformer", str(tmp_path / "old"), "--verify")
    assert script.main([source, str(tmp_path / "out"), *options]) == 0
    new, dtype = NuwaForConditionalGeneration.from_pretrained(tmp_path / "out"), getattr(torch, written)
    assert {weight.dtype for weight in load_file(tmp_path / "out" / "model.safetensors").values()} == {dtype}
    before, after = old.state_dict(), new.state_dict()
    assert all(torch.equal(after[name], before[name].to(dtype)) for name in before.keys() & after.keys())
    for name, weight in new.model.text_encoder.clip.state_dict().items():
        assert torch.equal(weight, texts.state_dict()[name].to(dtype))
    assert script.main([source, str(tmp_path / "half"), *options, "--dtype", "float16"]) == 0
    assert {weight.dtype for weight in load_file(tmp_path / "half" / "model.safetensors").values()} == {torch.float16}


@pytest.mark.parametrize(("learnt", "left"), [(("T2V", "S2I", "V2V", "TV2V"), ("S2I", "V2V")), (None, None)])
def test_tasks_with_a_text_are_not_learnt_with_a_new_text_side(learnt, left, tmp_path):
    """They stayed: no pipeline warned that the texts mean nothing yet."""
    tiny_transformer(learnt_tasks=learnt).save_pretrained(tmp_path / "old")
    source = save_source(tmp_path / "clip")
    assert script.main([source, str(tmp_path / "out"), "--transformer", str(tmp_path / "old")]) == 0
    assert NuwaForConditionalGeneration.from_pretrained(tmp_path / "out").config.learnt_tasks == left


def test_the_seed_decides_the_fresh_weights(tmp_path):
    source = save_source(tmp_path / "clip")
    heads = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert script.main([source, str(tmp_path / name), *SIZES, "--seed", seed]) == 0
        heads.append(load_file(tmp_path / name / "model.safetensors")["head.weight"])
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def missing_weight(folder):
    save_source(folder)
    state = load_file(folder / "model.safetensors")
    state.pop(next(name for name in state if name.endswith("final_layer_norm.weight")))
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def missing_tokenizer(folder):
    tiny_clip_model().save_pretrained(folder)


def large_tokenizer(folder):
    tokenizer = tiny_clip_tokenizer()
    tokenizer.add_tokens(["one", "two"])
    save_source(folder, tokenizer=tokenizer)


def no_clip(folder):
    tiny_transformer().save_pretrained(folder)
    tiny_clip_tokenizer().save_pretrained(folder)


@pytest.mark.parametrize("make", [missing_weight, missing_tokenizer, large_tokenizer, no_clip])
def test_a_source_that_is_no_whole_clip_is_refused_and_nothing_is_left(make, tmp_path, capfd):
    make(tmp_path / "clip")
    assert script.main([str(tmp_path / "clip"), str(tmp_path / "out"), *SIZES]) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"clip"}


def test_sizes_beside_a_given_transformer_are_refused(tmp_path, caplog):
    source = save_source(tmp_path / "clip")
    assert script.main([source, str(tmp_path / "out"), "--transformer", "somewhere", *SIZES]) == 1
    assert "must stand without `--preset`, `--codebook_size`" in caplog.text


def test_a_repository_that_the_hub_does_not_give_is_an_error(tmp_path, caplog):
    assert script.main(["someone/some-clip", str(tmp_path / "out"), *SIZES]) == 1
    assert "Cannot load 'someone/some-clip' from the Hub" in caplog.text


def convert_from_the_hub_and_from_the_cache(repo_id, folder):
    if script.main([repo_id, f"{folder}/hub", *SIZES]) == 0:
        constants.HF_HUB_OFFLINE = True
        sys.exit(script.main([f"{repo_id}/", f"{folder}/cache", *SIZES]))
    sys.exit(1)


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_a_clip_beside_files_of_open_clip_is_read_from_the_hub_and_from_the_cache(weights, hub, processes, tmp_path):
    source, clip = Path(save_source(tmp_path / "clip")), tiny_clip_model()
    if weights.endswith(".bin"):
        (source / "model.safetensors").unlink()
        torch.save(clip.state_dict(), source / weights)
    (source / "open_clip_model.safetensors").write_bytes(b"for another library")
    repo_id = f"tester/clip-{weights.partition('.')[0]}"
    repository = hub.repositories[repo_id] = Repository(private=False)
    repository.add("main", {path.name: (path.read_bytes(), False) for path in source.iterdir()})
    done = processes.run(convert_from_the_hub_and_from_the_cache, repo_id, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not any("open_clip" in path for _, path in hub.requests)
    for name in ("hub", "cache"):
        found = NuwaForConditionalGeneration.from_pretrained(tmp_path / name).model.text_encoder.clip.state_dict()
        assert all(torch.equal(found[key], weight) for key, weight in clip.state_dict().items())


def test_a_clip_of_real_width_and_length_is_encoded_to_the_bit(tmp_path):
    clip = CLIPTextModel(CLIPTextConfig(vocab_size=VOCAB_SIZE, num_hidden_layers=3))
    source = save_source(tmp_path / "clip", clip, tiny_clip_tokenizer(model_max_length=77))
    assert script.main([source, str(tmp_path / "out"), *SIZES, "--verify"]) == 0
