# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A Hub that gives no answer, or not all that is asked for: one line says so, and what is in the cache is taken."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants, hf_hub_download
from local_hub import Trouble
from local_server import free_port
from safetensors.torch import save_file
from tiny import tiny_tokenizer

from nuwa_hf import (
    NuwaConfig,
    NuwaForConditionalGeneration,
    NuwaProcessor,
    NuwaTextToVideoPipeline,
    NuwaTokenizer,
    NuwaVQGAN,
)
from nuwa_hf.cli import main
from nuwa_hf.evaluation.features.pretrained import load_configuration, load_image_processor, load_tokenizer
from nuwa_hf.exit_status import exit_status
from nuwa_hf.hub.push_folder import push_folder
from nuwa_hf.modeling.codec import load_codec
from nuwa_hf.modeling.tokenization_nuwa import load_text_tokenizer
from nuwa_hf.pipelines.lora_weights import read_adapter
from nuwa_hf.storage.find_checkpoint import find_codecs, find_part


MISSING, LOADED, FILE_BY_FILE = "tester/never-loaded", "tester/loaded-before", "tester/file-by-file"
PUSHED, TOKENIZER = "tester/pushed-alone", "tester/tokenizer-alone"
LOADS = {
    "memory": lambda: main(["memory", "--checkpoint", MISSING]),
    "a codec of any class": lambda: load_codec(MISSING),
    "a tokenizer of either class": lambda: load_text_tokenizer(MISSING),
    "a configuration": lambda: NuwaConfig.from_pretrained(MISSING),
    "the model of features": lambda: load_configuration("clip", MISSING),
    "the image processor of features": lambda: load_image_processor("clip", MISSING),
    "the tokenizer of features": lambda: load_tokenizer("clip", MISSING),
    "info": lambda: main(["info", MISSING]),
    "a task": lambda: main(["text-to-image", "a red apple", "--checkpoint", MISSING]),
    "codecs": lambda: find_codecs(MISSING),
    "a part": lambda: find_part(MISSING, "vqgan"),
    "a pipeline": lambda: NuwaTextToVideoPipeline.from_pretrained(MISSING),
    "a codec": lambda: NuwaVQGAN.from_pretrained(MISSING),
    "a transformer": lambda: NuwaForConditionalGeneration.from_pretrained(MISSING),
    "a tokenizer": lambda: NuwaTokenizer.from_pretrained(MISSING),
}


def load(what):
    def command(_):
        found = LOADS[what]()
        return found if isinstance(found, int) else None

    sys.exit(exit_status(command, []))


@pytest.fixture
def silent_hub(hub):
    hub.trouble = Trouble(is_silent=True)
    yield
    hub.trouble = Trouble()


@pytest.mark.parametrize("what", LOADS)
def test_connection_that_ends_without_an_answer_is_one_line(processes, silent_hub, what):
    done = processes.run(load, what)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert MISSING in done.stderr
    assert "the connection to the Hub was lost; try again (RemoteProtocolError: " in done.stderr


def load_embedded():
    for cls in (NuwaTextToVideoPipeline, NuwaForConditionalGeneration, NuwaVQGAN, NuwaTokenizer, NuwaProcessor):
        with pytest.raises(OSError, match=r"^Cannot load 'embedded' .* in Python give nuwa_hf\.DEMO_CHECKPOINT"):
            cls.from_pretrained("embedded")


def test_the_name_of_the_embedded_checkpoint_in_commands_leads_to_its_folder(processes, silent_hub):
    done = processes.run(load_embedded)
    assert done.returncode == 0, done.stderr


# What is loaded, and a file of it that libraries do without, or say is not there, where the Hub refuses it.
PARTS = {
    "sampling": (
        lambda **at: NuwaForConditionalGeneration.from_pretrained(PUSHED, subfolder="transformer", **at),
        "generation_config.json",
    ),
    "transformer": (
        lambda **at: NuwaForConditionalGeneration.from_pretrained(PUSHED, subfolder="transformer", **at),
        "transformer/config.json",
    ),
    "weights": (
        lambda **at: NuwaForConditionalGeneration.from_pretrained(PUSHED, subfolder="transformer", **at),
        "transformer/model.safetensors",
    ),
    "weights of a codec": (lambda **at: load_codec(PUSHED, "vqgan", **at), "diffusion_pytorch_model.safetensors"),
    "tokenizer": (
        lambda **at: NuwaTokenizer.from_pretrained(PUSHED, subfolder="tokenizer", **at),
        "tokenizer_config.json",
    ),
    "letters": (lambda **at: load_text_tokenizer(PUSHED, "tokenizer", **at), "tokenizer.json"),
    "codec": (lambda **at: load_codec(PUSHED, "vqgan", **at), "vqgan/config.json"),
    "processor": (lambda **at: NuwaProcessor.from_pretrained(PUSHED, **at), "model_index.json"),
    "part": (lambda **_: find_part(PUSHED, "vqgan"), "model_index.json"),
    "settings of an adapter": (lambda **at: read_adapter(PUSHED, **at), "adapter_config.json"),
    "settings of named weights": (
        lambda **at: read_adapter(PUSHED, weight_name="adapter_model.safetensors", **at),
        "adapter_config.json",
    ),
    "tokenizer of features": (lambda **_: load_tokenizer("clip", TOKENIZER), "tokenizer_config.json"),
}


def load_into(folder, part):
    def command(_):
        PARTS[part][0](cache_dir=folder)

    sys.exit(exit_status(command, []))


@pytest.mark.parametrize("part", PARTS)
def test_a_file_that_the_hub_refuses_is_one_line_and_nothing_is_loaded_without_it(
    processes, hub, in_the_cache, part, tmp_path
):
    hub.trouble = Trouble(refused_files=PARTS[part][1], refusal_status=429)
    try:
        done = processes.run(load_into, str(tmp_path), part)
    finally:
        hub.trouble = Trouble()
    assert done.returncode == 2, done.stderr
    reason = "the Hub has had too many requests from you; try again later (429)"
    *before, last = done.stderr.splitlines()
    name = TOKENIZER if part == "tokenizer of features" else PUSHED
    assert last == f"nuwa-hf: error: Cannot load {name!r} from the Hub: {reason}."
    assert not before or part == "weights of a codec"  # of which diffusers logs that it tries the other format


def test_a_cached_adapter_in_the_layout_of_diffusers_needs_no_hub(tmp_path):
    commit = "0" * 40
    repository = tmp_path / "models--tester--adapter"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit, encoding="utf-8")
    (repository / "snapshots" / commit).mkdir(parents=True)
    weights = {"transformer.head.lora_A.weight": torch.ones(2, 8)}
    save_file(weights, repository / "snapshots" / commit / "pytorch_lora_weights.safetensors")
    given = {"cache_dir": tmp_path, "local_files_only": True}
    assert list(read_adapter("tester/adapter", **given).state) == ["head.lora_A.weight"]
    with pytest.raises(OSError, match=r"Cannot load 'tester/adapter' from the Hub"):
        read_adapter("tester/adapter", weight_name="adapter_model.safetensors", **given)


def push_and_load(folder, tokenizer):
    push_folder(folder, PUSHED)
    push_folder(folder, LOADED)
    NuwaTextToVideoPipeline.from_pretrained(LOADED)
    push_folder(tokenizer, TOKENIZER)
    push_folder(tokenizer, FILE_BY_FILE)
    for file in Path(tokenizer).iterdir():
        hf_hub_download(FILE_BY_FILE, file.name)


@pytest.fixture(scope="module")
def in_the_cache(processes, checkpoint, tmp_path_factory):
    """Two checkpoints: one loaded as a pipeline, so without its card and its other variant, and one file by file."""
    folder, tokenizer = (tmp_path_factory.mktemp("pushed") / name for name in ("pipeline", "tokenizer"))
    shutil.copytree(checkpoint, folder)
    (folder / "README.md").write_text("# A card\n", encoding="utf-8")
    weights = folder / "vqgan" / "diffusion_pytorch_model.safetensors"
    shutil.copyfile(weights, weights.with_suffix(".fp16.safetensors"))
    tiny_tokenizer().save_pretrained(tokenizer)
    done = processes.run(push_and_load, str(folder), str(tokenizer))
    assert done.returncode == 0, done.stderr[-5000:]


def without_the_hub(how, function, *arguments):
    if how == "offline":
        constants.HF_HUB_OFFLINE = True
    else:
        address = f"http://127.0.0.1:{free_port()}"
        constants.HUGGINGFACE_CO_URL_TEMPLATE = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(
            constants.ENDPOINT, address
        )
        constants.ENDPOINT = address
    sys.exit(function(*arguments))


def write_codecs():
    found = find_codecs(LOADED)
    assert found["vqgan"] == find_part(LOADED, "vqgan")
    sys.stdout.write(json.dumps(found))


@pytest.mark.parametrize(
    ("how", "reason"), [("offline", "HF_HUB_OFFLINE forbids every request"), ("down", "ConnectError")]
)
def test_info_of_a_checkpoint_in_the_cache_needs_no_hub(processes, in_the_cache, how, reason):
    done = processes.run(without_the_hub, how, main, ["info", LOADED, "--json"])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["where"], found["kind"]) == ("hub", "pipeline")
    assert found["total_bytes"] > found["parts"]["vqgan"]["weight_bytes"] > 0
    assert f"Of {LOADED} only what is in the cache is there: " in done.stderr
    assert reason in done.stderr


@pytest.mark.parametrize("how", ["offline", "down"])
def test_codecs_of_a_checkpoint_in_the_cache_need_no_hub(processes, in_the_cache, how):
    done = processes.run(without_the_hub, how, write_codecs)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (Path(found["vqgan"]) / "diffusion_pytorch_model.safetensors").is_file()
    assert (Path(found["tokenizer"]) / "tokenizer.json").is_file()


@pytest.mark.parametrize("how", ["offline", "down"])
def test_size_of_what_was_never_listed_is_not_known(processes, in_the_cache, how):
    done = processes.run(without_the_hub, how, main, ["info", FILE_BY_FILE])
    assert done.returncode == 0, done.stderr
    assert "size on the Hub not known" in done.stdout
