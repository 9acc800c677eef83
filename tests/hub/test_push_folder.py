# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What one process pushes to a Hub, another one loads, with the package and nothing else."""

import json
import logging
import shutil
from contextlib import nullcontext

import pytest
import torch
from huggingface_hub import ModelCard
from local_hub import LocalHub
from tiny import VISUAL_GRID, tiny_tokenizer, tiny_transformer
from transformers import Trainer, TrainingArguments

from nuwa_hf.cli import main
from nuwa_hf.hub.push_folder import push_folder
from nuwa_hf.hub.pushed_files import contents_to_push, files_to_push
from nuwa_hf.storage.replaced_weights import replaced_weights


@pytest.mark.parametrize(
    ("way", "pushed_as"),
    [
        ("by its class", "first"),
        ("by DiffusionPipeline", "first"),
        ("by another task's class", "first"),
        ("parts", "first"),
        ("subfolders", "first"),
        ("private", "first"),
        ("branch", "second"),
        ("commit", "second"),
        ("fp16", "half"),
        ("no variant", "first"),
        ("command", "second"),
    ],
)
def test_another_process_draws_what_was_drawn_before_the_push(pushed, loaded, way, pushed_as):
    assert loaded.drawn[way] == pushed.drawn[pushed_as]
    assert loaded.classes[way] == "NuwaTextToVideoPipeline"


@pytest.mark.parametrize("way", ["processor", "saved processor", "processor of a pipeline"])
def test_a_processor_from_the_hub_makes_what_the_pipeline_made(pushed, loaded, way):
    assert loaded.classes[way] == "NuwaProcessor"
    assert loaded.drawn[way] == pushed.drawn["first"]


def test_versions_differ_so_that_one_taken_for_another_is_seen(pushed):
    drawn = list(pushed.drawn.values())
    assert all(one != other for i, one in enumerate(drawn) for other in drawn[:i])


def test_connection_cut_in_the_middle_of_an_upload_leaves_the_old_version_and_says_so(pushed, loaded):
    kind, text = pushed.raised["cut"]
    assert kind == "PushError"
    assert "Nothing was pushed to tester/cut: the connection to the Hub was lost; try again" in text
    assert loaded.drawn["cut"] == pushed.drawn["first"]


def test_pushing_again_after_a_cut_works_and_a_single_cut_is_overcome(pushed, loaded):
    assert "healed" in pushed.raised
    assert "shaken" not in pushed.raised
    for name in ("healed", "shaken"):
        assert loaded.drawn[name] == pushed.drawn[name]


def test_shards_replace_the_one_file_that_was_there(pushed, loaded, hub):
    """The old file stayed beside the new shards, and whoever loaded got the old weights."""
    assert loaded.drawn["sharded"] == pushed.drawn["second"]
    files = hub.repositories["tester/sharded"].commit("main").files
    assert "transformer/model.safetensors.index.json" in files
    assert "transformer/model.safetensors" not in files


def test_push_is_one_commit_and_keeps_what_is_only_in_the_repository(pushed, hub):
    assert len(hub.repositories["tester/card"].commits) == 2  # the Hub's own first one, and ours
    assert len(hub.repositories["tester/sharded"].commits) == 3
    variants = hub.repositories["tester/variants"].commit("main").files
    assert {"vqgan/diffusion_pytorch_model.safetensors", "vqgan/diffusion_pytorch_model.fp16.safetensors"} <= set(
        variants
    )


def test_private_repository_is_refused_without_a_token(hub, loaded):
    assert hub.repositories["tester/secret"].private
    kind, text = loaded.raised["private without a token"]
    assert kind == "OSError"
    assert "tester/secret" in text
    assert "log in" in text


def test_private_push_to_a_public_repository_is_refused(pushed):
    kind, text = pushed.raised["private onto public"]
    assert kind == "ValueError"
    assert "the repository tester/pipeline is there already and public" in text


@pytest.mark.parametrize(
    ("name", "repo_id", "reason"),
    [
        ("conflict 409", "tester/pipeline", "somebody else changed the repository meanwhile"),
        ("conflict 412", "tester/pipeline", "somebody else changed the repository meanwhile"),
        ("unknown token", "tester/other", "log in with `hf auth login`"),
        ("token of a stranger", "tester/pipeline", "your token may not do that"),
    ],
)
def test_refused_push_says_why_and_what_to_do(pushed, name, repo_id, reason):
    kind, text = pushed.raised[name]
    assert kind == "PushError"
    assert text.startswith(f"Nothing was pushed to {repo_id}: ")
    assert reason in text


@pytest.mark.parametrize("name", ["no such repository", "no such revision", "no such model", "no such VQ-GAN"])
def test_what_is_not_there_is_named(loaded, name):
    kind, text = loaded.raised[name]
    assert kind == "OSError"
    assert ("tester/pipeline" if name == "no such revision" else "tester/missing") in text
    assert "check the name" in text or "is not a valid model identifier" in text


def test_command_pushes_to_a_private_branch(pushed, hub):
    assert pushed.status == 0
    repository = hub.repositories["tester/command"]
    assert repository.private
    assert set(repository.branches) == {"main", "v2"}
    assert "model_index.json" not in repository.commit("main").files


def folder_with(tmp_path, **files):
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(content)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "repo_id", "message"),
    [
        ({}, "user/model", "`folder` must hold a pipeline, an adapter, a model or a tokenizer"),
        ({"settings": "{}"}, "user/model", "has none of these files"),
        ({"config": "{}"}, "user/model", "has a config.json but no weights"),
        ({"adapter_config": "{}"}, "user/model", "has a adapter_config.json but no weights"),
        ({"model_index": "{"}, "user/model", "is not valid JSON"),
        ({"model_index": '{"vqgan": ["nuwa_hf", "NuwaVQGAN"]}'}, "user/model", "vqgan is missing"),
        ({"tokenizer_config": "{}"}, "model", "`repo_id` must be USER/NAME"),
        ({"tokenizer_config": "{}"}, "user/my model", "`repo_id` must be USER/NAME"),
        ({"tokenizer_config": "{}"}, "https://huggingface.co/user/model", "`repo_id` must be USER/NAME"),
    ],
)
def test_folder_or_name_that_cannot_be_pushed_is_refused_before_any_request(
    files, repo_id, message, tmp_path, monkeypatch, capsys
):
    folder = folder_with(tmp_path, **files)
    with LocalHub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        assert main(["push", str(folder), repo_id]) == 2
        assert hub.requests == []
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`folder` must be a folder that `save_pretrained` wrote"):
        push_folder(tmp_path / "nothing", "user/model")


def test_push_offline_says_so(checkpoint):
    with pytest.raises(OSError, match="HF_HUB_OFFLINE forbids every request"):
        push_folder(checkpoint, "user/model")


def test_hidden_files_stay_here(tmp_path):
    for name in (
        "model_index.json",
        ".cache/token",
        "vqgan/config.json",
        "vqgan/.config.json.part",
        "__pycache__/a.pyc",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({}))
    assert files_to_push(tmp_path) == ["model_index.json", "vqgan/config.json"]


def test_what_trainer_goes_on_from_stays_here(tmp_path, caplog):
    """`training_args.bin` was pushed, with the token and the paths of the machine."""
    clip = torch.ones(VISUAL_GRID, dtype=torch.long)
    row = {"input_ids": torch.tensor([5, 6]), "visual_tokens": clip, "labels": clip}
    settings = {"max_steps": 1, "save_steps": 1, "use_cpu": True, "report_to": "none", "disable_tqdm": True}
    arguments = TrainingArguments(str(tmp_path), hub_token="hf_secret", **settings)
    trainer = Trainer(model=tiny_transformer(), args=arguments, train_dataset=[row, row])
    trainer.train()
    trainer.save_model()
    assert b"hf_secret" in (tmp_path / "training_args.bin").read_bytes()
    model = ["config.json", "generation_config.json", "model.safetensors"]
    with caplog.at_level(logging.INFO, "nuwa_hf"):
        assert files_to_push(tmp_path) == model
        assert "only a training reads it: checkpoint-1, training_args.bin." in caplog.text
        assert files_to_push(tmp_path / "checkpoint-1") == model
    (tmp_path / "checkpoint-1").rename(tmp_path / "vqgan")
    (tmp_path / "vqgan" / "events.out.tfevents.1.host").touch()
    for name in ("dl_state_dict_1.bin", "custom_checkpoint_0.pkl", "global_step9/rank_0.pt", "optimizer_0/0.distcp"):
        (tmp_path / "vqgan" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "vqgan" / name).touch()
    assert files_to_push(tmp_path) == [*model, *(f"vqgan/{name}" for name in model)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.json", '["a", "b"]', None),
        ("labels.json", '{"a": 1, "a": 2}', None),
        ("labels.json", "[", r"labels\.json is not valid JSON"),
        ("generation_config.json", "[]", "must hold names with values, got list"),
        ("model.safetensors.index.json", "[]", "must hold names with values, got list"),
    ],
)
def test_files_of_json_that_nobody_reads_may_hold_what_they_like(tmp_path, name, text, message):
    tiny_tokenizer().save_pretrained(tmp_path)
    (tmp_path / name).write_text(text)
    with nullcontext() if message is None else pytest.raises(OSError, match=message):
        assert name in contents_to_push(tmp_path, "user/model", license=None, standalone=False)


def test_link_to_a_file_elsewhere_is_not_published(tmp_path, monkeypatch, capsys):
    secret, folder = tmp_path / "token", tmp_path / "tokenizer"
    secret.write_text("hf_secret")
    tiny_tokenizer().save_pretrained(folder)
    (folder / "notes.txt").symlink_to(secret)
    with LocalHub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        assert main(["push", str(folder), "user/model"]) == 2
        assert hub.requests == []
    assert f"got 'notes.txt', a link to {secret}, which the push would publish" in capsys.readouterr().err


def test_folder_that_is_a_link_is_followed_within_the_folder_and_refused_elsewhere(checkpoint, tmp_path):
    """The push succeeded without the component in it."""
    whole, elsewhere = tmp_path / "whole", tmp_path / "elsewhere"
    shutil.copytree(checkpoint, whole)
    names = files_to_push(whole)
    (whole / "vqgan").rename(whole / "codec")
    (whole / "vqgan").symlink_to("codec")
    (whole / "codec" / "around").symlink_to("..")
    moved = {name.replace("vqgan/", "codec/", 1) for name in names if name.startswith("vqgan/")}
    assert set(files_to_push(whole)) == {*names, *moved}
    (whole / "codec").rename(elsewhere)
    (whole / "vqgan").unlink()
    (whole / "vqgan").symlink_to(elsewhere)
    with pytest.raises(ValueError, match=r"got 'vqgan/.*', a link to .*elsewhere.*, which the push would publish"):
        files_to_push(whole)


def test_links_within_the_folder_and_to_the_blobs_of_the_hubs_cache_are_its_own_files(tmp_path):
    snapshot = tmp_path / "models--user--model" / "snapshots" / "0a1b"
    blobs = snapshot.parent.with_name("blobs")
    for folder in (snapshot / "vqgan", blobs):
        folder.mkdir(parents=True)
    (blobs / "1f2e").write_text("{}")
    (snapshot / "config.json").symlink_to("../../blobs/1f2e")
    (snapshot / "vqgan" / "config.json").symlink_to("../../../blobs/1f2e")
    (snapshot / "copy.json").symlink_to("config.json")
    (tmp_path / "link").symlink_to(snapshot)
    for folder in (snapshot, tmp_path / "link"):
        assert files_to_push(folder) == ["config.json", "copy.json", "vqgan/config.json"]
    assert files_to_push(snapshot / "vqgan") == ["config.json"]
    (snapshot / "vqgan" / "notes.txt").symlink_to(tmp_path / "models--user--model" / "refs")
    (tmp_path / "models--user--model" / "refs").write_text("main")
    with pytest.raises(ValueError, match=r"got 'vqgan/notes\.txt', a link to .*refs"):
        files_to_push(snapshot)


@pytest.mark.parametrize(
    ("pushed", "present", "gone"),
    [
        (["model-00001-of-00002.safetensors"], ["model.safetensors"], ["model.safetensors"]),
        (["model.safetensors"], ["model-00001-of-00002.safetensors", "model.safetensors.index.json"], "all"),
        (["a/model.safetensors"], ["b/model-00001-of-00002.safetensors"], []),
        (["model.safetensors"], ["model.safetensors", "other.safetensors", "README.md"], []),
        (["model.safetensors"], ["model.fp16.safetensors", "model.safetensors.index.fp16.json"], []),
        (
            ["model.fp16.safetensors"],
            ["model.fp16-00001-of-00002.safetensors", "model.safetensors.index.fp16.json"],
            "all",
        ),
        (["config.json"], ["model.safetensors"], []),
    ],
)
def test_only_the_same_weights_in_other_files_are_replaced(pushed, present, gone):
    assert replaced_weights(pushed, present) == sorted(present if gone == "all" else gone)


def test_card_that_a_run_wrote_is_taken_by_the_hub_with_its_pictures(hub, pushed):
    assert {"README.md", "samples/step_7.png"} <= set(hub.repositories["tester/card"].commit("main").files)


@pytest.mark.parametrize("name", ["card 0", "card 1"])
def test_code_of_the_card_loads_what_was_pushed(pushed, loaded, name):
    assert loaded.drawn[name] == pushed.drawn["first"]


def test_code_of_an_adapters_card_loads_it(pushed, loaded):
    assert loaded.drawn["adapter"] == pushed.drawn["adapter"]


def test_an_adapter_of_the_embedded_checkpoint_is_loaded_with_it_by_its_card_and_by_the_class(loaded, hub):
    config = json.loads(hub.repositories["tester/of-embedded"].commit("main").files["adapter_config.json"][0])
    assert config["base_model_name_or_path"] == "embedded"
    assert loaded.of_embedded == [1, True]


@pytest.mark.parametrize(
    ("name", "message"), [("bad card", "metadata that the Hub takes"), ("with an adapter", "merge")]
)
def test_what_cannot_be_pushed_leaves_no_empty_repository_behind(pushed, hub, name, message):
    """The card was refused with the commit, and diffusers saves after it has made the repository."""
    kind, text = pushed.raised[name]
    assert kind == "ValueError"
    assert message in text
    assert f"tester/{name.replace(' ', '-').removesuffix('-card')}" not in hub.repositories


def test_no_pushed_file_names_a_folder_of_this_machine(pushed, hub):
    seen = [
        f"{repo_id}/{path}"
        for repo_id, repository in hub.repositories.items()
        for path, (data, _) in repository.commit("main").files.items()
        if str(pushed.work).encode() in data
    ]
    assert seen == []
    local = pushed.work / "adapter" / "adapter_config.json"
    assert str(pushed.work) in local.read_text(encoding="utf-8"), "the folder itself stays as it is"


def test_licence_of_the_command_is_in_the_card_with_or_without_one(pushed, hub):
    cards = {}
    for repo_id, branch in (("tester/command", "v2"), ("tester/bare-adapter", "main")):
        cards[repo_id] = ModelCard(hub.repositories[repo_id].commit(branch).files["README.md"][0].decode())
        assert cards[repo_id].data.license == "mit"
    assert cards["tester/bare-adapter"].data.library_name == "peft"
    assert cards["tester/command"].text == "\n# command\n"  # and no rules, which empty metadata became
