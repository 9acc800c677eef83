# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Folders that a stranger edited are refused in one error that names the file, whatever reads them."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

import nuwa_hf


READERS = {
    "vqgan": nuwa_hf.NuwaVQGAN,
    "transformer": nuwa_hf.NuwaForConditionalGeneration,
    "tokenizer": nuwa_hf.NuwaTokenizer,
    "configuration": nuwa_hf.NuwaConfig,
}


def write(name, text):
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


def with_value(name, key, value):
    def change(folder):
        values = json.loads((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(json.dumps({**values, key: value}), encoding="utf-8")

    return change


def twice(folder):
    text = (folder / "config.json").read_text(encoding="utf-8")
    write("config.json", f'{{"_class_name": "x", "_class_name": "x", "model_type": "x", {text.strip()[1:]}')(folder)


def without_weights(folder):
    (weights,) = folder.glob("*.safetensors")
    save_file({}, weights)


def pointing_outside(folder):
    (weights,) = folder.glob("*.safetensors")
    names = list(load_file(weights))
    weights.rename(folder.parent / "outside.safetensors")
    index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(names, "../outside.safetensors")}
    write(f"{weights.name}.index.json", json.dumps(index))(folder)


MODELS = [
    (write("config.json", "[1, 2]"), "config.json must hold names with values, got list"),
    (write("config.json", "[" * 10**5), "config.json is not valid JSON"),
    (twice, "stands there twice"),
    (pointing_outside, r"must name files beside it, got '\.\./outside"),
    (without_weights, "holds no weights at all"),
    (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
]
TOKENIZERS = [
    (write("tokenizer.json", "[]"), "tokenizer.json must hold names with values"),
    (write("tokenizer.json", "{}"), "Broken checkpoint"),
    (with_value("tokenizer.json", "model", [[]]), "Broken checkpoint"),
    (with_value("tokenizer.json", "added_tokens", [{"id": -1}]), "Broken checkpoint"),
    (write("tokenizer_config.json", "[" * 10**5), "tokenizer_config.json is not valid JSON"),
]
CASES = [
    *((reader, *case) for reader in ("vqgan", "transformer") for case in MODELS),
    *(("configuration", *case) for case in MODELS[:3]),
    *(("tokenizer", *case) for case in TOKENIZERS),
]


@pytest.mark.parametrize(("reader", "edit", "words"), CASES)
def test_what_a_stranger_edited_is_refused_in_one_error_that_names_it(checkpoint, tmp_path, reader, edit, words):
    folder = tmp_path / "edited"
    shutil.copytree(checkpoint / ("transformer" if reader == "configuration" else reader), folder)
    edit(folder)
    with pytest.raises(OSError, match=words) as caught:
        READERS[reader].from_pretrained(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reader", "name", "value"),
    [
        ("vqgan", "layers_per_block", 10**30),
        ("vqgan", "codebook_size", 10**9),
        ("vqgan", "out_channels", 10**9),
        ("transformer", "num_decoder_layers", 10**9),
    ],
)
def test_sizes_that_would_take_all_memory_or_for_ever_are_refused(checkpoint, tmp_path, reader, name, value):
    folder = tmp_path / "edited"
    shutil.copytree(checkpoint / reader, folder)
    with_value("config.json", name, value)(folder)
    with pytest.raises(ValueError, match=f"`{name}` must be at most"):
        READERS[reader].from_pretrained(folder)
