# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files that stand where weights should be: of a wrapper around the model, or pointers of Git LFS."""

import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tiny_sketch_vqgan, tiny_transformer, tiny_vqmodel

from nuwa_hf import NuwaForConditionalGeneration, NuwaTextToVideoPipeline, NuwaVQGAN
from nuwa_hf.conversion.safe_checkpoint import read_checkpoint
from nuwa_hf.hub.push_folder import push_folder
from nuwa_hf.modeling.codec import load_codec
from nuwa_hf.storage.weights_files import wrapper_prefix


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4665a5ea423c2713\nsize 12345\n"
MODELS = {
    NuwaForConditionalGeneration.from_pretrained: tiny_transformer,
    NuwaVQGAN.from_pretrained: tiny_sketch_vqgan,
    load_codec: tiny_vqmodel,
}


def rename(file, prefix):
    save_file({prefix + name: weight for name, weight in load_file(file).items()}, file, {"format": "pt"})


@pytest.mark.parametrize("load", MODELS, ids=["transformer", "codec", "codec of diffusers"])
def test_a_model_says_what_its_file_really_is_and_what_to_do(load, tmp_path):
    """Names of a wrapper gave random weights and a warning, a pointer gave an error about a header."""
    MODELS[load]().save_pretrained(tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    rename(file, "module._orig_mod.")
    with pytest.raises(OSError, match=r"'module._orig_mod.', which DistributedDataParallel and torch.compile put"):
        load(tmp_path)
    file.write_text(POINTER)
    with pytest.raises(OSError, match=r"is a pointer of Git LFS, not the file itself; run .*`git lfs pull`"):
        load(tmp_path)
    with pytest.raises(OSError, match="is a pointer of Git LFS"):
        push_folder(tmp_path, "user/model")


def test_a_key_mapping_takes_a_wrappers_names_off(tmp_path):
    """The names were refused before anything looked at the mapping."""
    model, folder = tiny_transformer(), tmp_path / "wrapped"
    model.save_pretrained(folder)
    (file,) = folder.glob("*.safetensors")
    rename(file, "module._orig_mod.")
    mapping = {r"^module\._orig_mod\.": ""}
    with pytest.raises(OSError, match="load a transformer with " + re.escape(f"key_mapping={mapping}")):
        NuwaForConditionalGeneration.from_pretrained(folder)
    loaded = NuwaForConditionalGeneration.from_pretrained(folder, key_mapping=mapping)
    loaded.save_pretrained(tmp_path / "own", save_original_format=False)
    for one in (loaded, NuwaForConditionalGeneration.from_pretrained(tmp_path / "own")):
        assert all(torch.equal(weight, one.state_dict()[name]) for name, weight in model.state_dict().items())
    with pytest.raises(OSError, match="holds none of the"):
        NuwaForConditionalGeneration.from_pretrained(folder, key_mapping={"^other": ""})


@pytest.mark.parametrize("load", MODELS, ids=["transformer", "codec", "codec of diffusers"])
def test_a_repository_of_a_wrappers_names_is_refused_too(load, tmp_path):
    """Commands, which hide the warnings of libraries, trained on from random weights without a word."""
    repository, commit = tmp_path / "models--user--model", "c" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    MODELS[load]().save_pretrained(repository / "snapshots" / commit)
    load("user/model", cache_dir=tmp_path)
    (file,) = (repository / "snapshots" / commit).glob("*.safetensors")
    rename(file, "module.")
    with pytest.raises(OSError, match=r"user/model holds none of the \d+ weights of the model, .*'module.', save"):
        load("user/model", cache_dir=tmp_path)


def test_a_pipeline_says_so_of_each_part(tmp_path, checkpoint):
    for part, file in (("tokenizer", "tokenizer.json"), ("vqgan", "config.json")):
        folder = tmp_path / part
        folder.mkdir()
        for path in checkpoint.iterdir():
            if path.name != part:
                (folder / path.name).symlink_to(path)
        (folder / part).mkdir()
        for path in (checkpoint / part).iterdir():
            if path.name != file:
                (folder / part / path.name).symlink_to(path)
        (folder / part / file).write_text(POINTER)
        with pytest.raises(OSError, match=rf"{part}/{file} is a pointer of Git LFS"):
            NuwaTextToVideoPipeline.from_pretrained(folder)


def test_conversion_reads_a_wrappers_names_as_the_models(tmp_path):
    file = tmp_path / "model.safetensors"
    weights = tiny_transformer().state_dict()
    save_file({f"module.{name}": weight.clone() for name, weight in weights.items()}, file)
    assert read_checkpoint(file).keys() == weights.keys()
    file.write_text(POINTER)
    with pytest.raises(OSError, match="is a pointer of Git LFS"):
        read_checkpoint(file)


def test_a_prefix_of_some_names_is_no_wrapper():
    assert wrapper_prefix(["module.a", "b"]) == ""
    assert wrapper_prefix([]) == ""
