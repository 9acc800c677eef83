# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import ast
import re

import PIL.Image
import pytest
import torch
import yaml
from card_rules import errors_of
from huggingface_hub import ModelCard
from safetensors.torch import save_file
from tiny import tiny_tokenizer, tiny_transformer, tiny_vqgan

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.cards.run_card import PIPELINE_TAGS, RunFacts, write_run_card
from nuwa_hf.hub.pushed_files import THIS_FOLDER
from nuwa_hf.tasks import TASKS


@pytest.fixture
def pipeline_folder(tmp_path, checkpoint):
    folder = tmp_path / "pipeline"
    for file in checkpoint.rglob("*"):
        if file.is_file():
            (folder / file.relative_to(checkpoint)).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.relative_to(checkpoint)).symlink_to(file)
    return folder


def adapter(folder):
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    save_file({"lora": torch.zeros(1)}, folder / "adapter_model.safetensors")


KINDS = {
    "NuwaVQGAN": lambda folder: tiny_vqgan().save_pretrained(folder),
    "NuwaForConditionalGeneration": lambda folder: tiny_transformer().save_pretrained(folder),
    "NuwaTokenizer": lambda folder: tiny_tokenizer().save_pretrained(folder),
}


@pytest.mark.parametrize("loader", KINDS)
def test_card_of_a_part_says_how_to_load_it_and_is_valid(tmp_path, loader):
    KINDS[loader](tmp_path)
    card = write_run_card(tmp_path, facts=RunFacts(steps=3)).read_text(encoding="utf-8")
    assert errors_of(card) == []
    assert f"from nuwa_hf import {loader}\n" in card
    assert f'{loader}.from_pretrained("{THIS_FOLDER}")' in card


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.abbreviation)
def test_card_of_a_pipeline_loads_by_the_class_of_its_task(pipeline_folder, task):
    facts = RunFacts(tasks=[task.abbreviation])
    card = ModelCard.load(write_run_card(pipeline_folder, facts=facts))
    assert errors_of(str(card)) == []
    assert card.data.pipeline_tag == PIPELINE_TAGS[task.abbreviation]
    assert task.name in card.data.tags
    assert f'{task.pipeline}.from_pretrained("{THIS_FOLDER}")' in card.text
    assert f'DiffusionPipeline.from_pretrained("{THIS_FOLDER}")' in card.text


@pytest.mark.parametrize(
    ("base_model", "place", "metadata"),
    [
        ("user/base", '"user/base"', "user/base"),
        ("/home/somebody/hub/models--user--base/snapshots/0a1b/transformer", '"user/base"', "user/base"),
        ("embedded", "DEMO_CHECKPOINT", None),
        (str(DEMO_CHECKPOINT), "DEMO_CHECKPOINT", None),
        ("/home/somebody/runs/base", '"path/to/base"', None),
    ],
)
def test_card_of_an_adapter_loads_its_base_wherever_that_is(tmp_path, base_model, place, metadata):
    adapter(tmp_path / "adapter")
    facts = RunFacts(tasks=["T2V"], base_model=base_model)
    card = ModelCard.load(write_run_card(tmp_path / "adapter", facts=facts))
    assert errors_of(str(card)) == []
    assert card.data.base_model == metadata
    assert card.data.library_name == "peft"
    (block,) = re.findall(r"```python\n(.*?)```", card.text, flags=re.DOTALL)
    assert f"from_pretrained({place})" in block
    assert f'pipeline.load_lora_weights("{THIS_FOLDER}")' in block
    names = {alias.name for node in ast.parse(block).body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert ("DEMO_CHECKPOINT" in names) == (place == "DEMO_CHECKPOINT")
    assert "somebody" not in str(card)


@pytest.mark.parametrize("name", ["a`b", "``a``", '"quoted"', "two\nlines", "a\n```\n# b"])
def test_signs_of_markdown_and_python_in_a_name_stay_part_of_the_name(tmp_path, name):
    adapter(tmp_path / "adapter")
    facts = RunFacts(base_model=f"/home/{name}", data=[name], configuration={"tokens": name})
    card = write_run_card(tmp_path / "adapter", facts=facts).read_text(encoding="utf-8")
    one_line = " ".join(name.split())
    (path,) = re.findall(r"from_pretrained\((.+)\)\n", card)
    assert ast.literal_eval(path) == f"path/to/{name}"
    ((fence, _, shown),) = re.findall(r"is the folder (`+)( ?)(.+?)\2\1 of whoever", card)
    assert shown == one_line
    assert fence not in re.findall("`+", name)
    ((fence, configuration),) = re.findall(r"^(`{3,})yaml\n(.*?)^\1\n", card, flags=re.DOTALL | re.MULTILINE)
    assert yaml.safe_load(configuration) == {"tokens": name}
    assert f"\n- {one_line}\n" in card
    assert "\n# b" not in card.replace(configuration, "")


def test_card_shows_pictures_that_lie_beside_it(pipeline_folder, tmp_path):
    pictures = [tmp_path / "before_7.png", tmp_path / "after_7.gif"]
    for path in pictures:
        PIL.Image.new("RGB", (4, 4)).save(path)
    card = write_run_card(pipeline_folder, facts=RunFacts(), images=pictures)
    shown = re.findall(r"!\[(.+?)\]\((.+?)\)", card.read_text(encoding="utf-8"))
    assert shown == [("before 7", "samples/before_7.png"), ("after 7", "samples/after_7.gif")]
    assert [(pipeline_folder / path).read_bytes() for _, path in shown] == [path.read_bytes() for path in pictures]
    again = write_run_card(pipeline_folder, facts=RunFacts(), images=[pipeline_folder / path for _, path in shown])
    assert re.findall(r"!\[(.+?)\]\((.+?)\)", again.read_text(encoding="utf-8")) == shown


def test_card_names_no_folder_of_the_machine_of_the_run(pipeline_folder):
    facts = RunFacts(
        data=["/home/somebody/clips", "12 clips from /home/somebody/more and C:\\Users\\somebody\\b, at 4/s"],
        configuration={
            "tokens": ["/home/somebody/tokens=2:T2V,T2I"],
            "parts": {"vqgan": pipeline_folder / "vqgan", "/home/somebody/w": {"file:///home/somebody/t"}},
            "lr": 1e-4,
        },
        base_model="/home/somebody/base",
    )
    card = write_run_card(pipeline_folder, facts=facts).read_text(encoding="utf-8")
    assert "somebody" not in card
    assert str(pipeline_folder) not in card
    for line in (
        "- clips",
        "- 12 clips from more and b, at 4/s",
        "- tokens=2:T2V,T2I",
        "  w: '{''t''}'",
        "  vqgan: vqgan",
        "lr: 0.0001",
    ):
        assert f"\n{line}\n" in card


def test_scores_are_in_the_table_and_in_the_metadata(pipeline_folder):
    facts = RunFacts(tasks=["T2V"], data=["user/clips"], scores={"judged motion": 0.75, "FID": 12})
    card = ModelCard.load(write_run_card(pipeline_folder, facts=facts))
    assert "| judged motion | 0.75 |" in card.text
    assert [(r.metric_name, r.metric_value) for r in card.data.eval_results] == [("judged motion", 0.75), ("FID", 12)]
    assert {r.dataset_type for r in card.data.eval_results} == {"user/clips"}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"tasks": ["T2X"]}, "must be one of T2I"),
        ({"license": "Apache License 2.0"}, "`license` must be a short name"),
        ({"scores": {"fid": float("nan")}}, "`scores` must be finite numbers, got fid"),
    ],
)
def test_facts_that_make_no_valid_card_are_refused(facts, message):
    with pytest.raises(ValueError, match=message):
        RunFacts(**facts)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["missing.png"], "`images` must be files of type"),
        (["notes.txt"], "`images` must be files of type"),
        (["a/same.png", "b/same.png"], "`images` must have different names"),
    ],
)
def test_pictures_that_cannot_be_shown_are_refused_and_nothing_is_written(pipeline_folder, tmp_path, images, message):
    for name in images:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if "missing" not in name:
            (tmp_path / name).write_bytes(b"")
    paths = [tmp_path / name for name in images]
    with pytest.raises(ValueError, match=message):
        write_run_card(pipeline_folder, facts=RunFacts(), images=paths)
    assert not (pipeline_folder / "README.md").exists()
    assert not (pipeline_folder / "samples").exists()


def test_an_adapter_without_a_base_is_refused(tmp_path):
    adapter(tmp_path / "adapter")
    with pytest.raises(ValueError, match="`base_model` must be given for an adapter"):
        write_run_card(tmp_path / "adapter", facts=RunFacts())
