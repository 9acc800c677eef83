# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Folders that bring their code: what is written, and that who has nuwa_hf needs none of it."""

import json
import shutil
from inspect import signature

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

from nuwa_hf import NuwaForConditionalGeneration, NuwaTextToVideoPipeline, NuwaTokenizer, NuwaVQGAN
from nuwa_hf.standalone.one_file import one_file
from nuwa_hf.standalone.standalone_files import standalone_files
from nuwa_hf.storage.folder_contents import class_name


CODE = "nuwa_hf_standalone.py"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pipeline(checkpoint):
    return NuwaTextToVideoPipeline.from_pretrained(checkpoint)


@pytest.fixture(scope="module")
def standalone(pipeline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("standalone")
    pipeline.save_pretrained(folder, standalone=True)
    return folder


def test_pipeline_names_the_file_beside_it_and_one_in_each_folder(standalone):
    index = read(standalone / "model_index.json")
    assert index["_class_name"] == ["nuwa_hf_standalone", "NuwaTextToVideoPipeline"]
    assert (standalone / CODE).read_text(encoding="utf-8") == one_file()
    components = [name for name, value in index.items() if isinstance(value, list) and not name.startswith("_")]
    assert sorted(components) == ["sketch_vqgan", "tokenizer", "transformer", "vqgan"]
    files = {(standalone / name / f"{index[name][0]}.py").read_text(encoding="utf-8") for name in components}
    assert len(files) == 1, "diffusers copies them over each other"
    assert class_name(standalone, "pipeline") == "NuwaTextToVideoPipeline"


def test_installed_package_reads_it_without_trust_and_saves_it_without_code(standalone, tmp_path):
    loaded = NuwaTextToVideoPipeline.from_pretrained(standalone)
    loaded.save_pretrained(tmp_path / "plain")
    assert not list((tmp_path / "plain").rglob("*.py"))
    assert "auto_map" not in "".join(path.read_text("utf-8") for path in (tmp_path / "plain").rglob("*.json"))
    index = read(tmp_path / "plain" / "model_index.json")
    assert index["_class_name"] == "NuwaTextToVideoPipeline"
    assert index["vqgan"] == ["nuwa_hf", "NuwaVQGAN"]


def test_auto_classes_take_the_installed_classes_and_keep_saving_after_trust(standalone, tmp_path):
    """transformers marks classes that it loaded with trust, and then copied single modules of ours in each save."""
    options = {"subfolder": "transformer", "trust_remote_code": True}
    assert AutoConfig.from_pretrained(standalone, **options).model_type == "nuwa"
    model = AutoModelForSeq2SeqLM.from_pretrained(standalone, **options)
    tokenizer = AutoTokenizer.from_pretrained(standalone, subfolder="tokenizer", trust_remote_code=True)
    assert (type(model), type(tokenizer)) == (NuwaForConditionalGeneration, NuwaTokenizer)
    for cls in (type(model), type(model.config), type(tokenizer), NuwaVQGAN):
        cls.register_for_auto_class()
    model.save_pretrained(tmp_path / "model")
    model.config.save_pretrained(tmp_path / "config")
    tokenizer.save_pretrained(tmp_path / "model")
    assert not list(tmp_path.rglob("*.py"))
    assert "auto_map" not in (tmp_path / "model" / "tokenizer_config.json").read_text(encoding="utf-8")


def test_parts_alone_name_the_file_beside_them(pipeline, tmp_path):
    maps = {
        "transformer": ("config.json", "AutoModelForSeq2SeqLM", "nuwa_hf_standalone.NuwaForConditionalGeneration"),
        "vqgan": ("config.json", "AutoModel", "nuwa_hf_standalone.NuwaVQGAN"),
        "tokenizer": ("tokenizer_config.json", "AutoTokenizer", [None, "nuwa_hf_standalone.NuwaTokenizer"]),
    }
    for name, (file, auto, value) in maps.items():
        getattr(pipeline, name).save_pretrained(tmp_path / name, standalone=True)
        assert (tmp_path / name / CODE).is_file()
        assert read(tmp_path / name / file)["auto_map"][auto] == value


def test_codec_alone_is_read_without_a_word_about_its_code(pipeline, tmp_path, caplog):
    pipeline.vqgan.save_pretrained(tmp_path, standalone=True)
    assert "auto_map" not in NuwaVQGAN.from_pretrained(tmp_path).config
    assert "auto_map" not in caplog.text


def test_second_pass_over_a_folder_changes_nothing(standalone):
    for name, text in standalone_files(standalone).items():
        assert (standalone / name).read_text(encoding="utf-8") == text


def test_arguments_of_save_pretrained_stay_and_standalone_is_one(pipeline):
    """diffusers passes `variant` and `max_shard_size` only to a `save_pretrained` that names them."""
    for part in (pipeline.transformer, pipeline.vqgan):
        assert {"variant", "max_shard_size", "standalone"} <= set(signature(part.save_pretrained).parameters)


def test_what_has_no_code_of_ours_is_refused(pipeline, tmp_path):
    with pytest.raises(ValueError, match="`push_to_hub` is asked for"):
        pipeline.save_pretrained(tmp_path / "a", standalone=True, push_to_hub=True)
    assert not (tmp_path / "a").exists()
    (tmp_path / "adapter_config.json").write_text("{}")
    save_file({"lora_A.weight": torch.zeros(1)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ValueError, match="got the adapter"):
        standalone_files(tmp_path)


def test_parts_of_other_libraries_need_no_code_and_get_none(pipeline, tmp_path):
    pipeline.tokenizer.save_pretrained(tmp_path)
    config = read(tmp_path / "tokenizer_config.json")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**config, "tokenizer_class": "CLIPTokenizer"}))
    with pytest.raises(ValueError, match="which is of another library"):
        standalone_files(tmp_path)


def test_component_of_an_unknown_library_is_named(standalone, tmp_path):
    shutil.copytree(standalone, tmp_path / "copy")
    index = read(tmp_path / "copy" / "model_index.json")
    index["vqgan"] = ["somebody.codec", "Codec"]
    (tmp_path / "copy" / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"got `vqgan` of somebody\.codec, whose code cannot be copied"):
        standalone_files(tmp_path / "copy")
