# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf info`: what it says of pipelines and of their parts is what loading them shows."""

import json
import shutil

import pytest
import torch
from tiny import FRAME_RATE, FRAME_SIZE, VISUAL_GRID, tiny_pipeline, tiny_transformer

from nuwa_hf import NuwaTextToVideoPipeline
from nuwa_hf.cards.run_card import RunFacts, write_run_card
from nuwa_hf.cli import main
from nuwa_hf.info.card_scores import card_scores
from nuwa_hf.tasks import TASKS
from nuwa_hf.training.nuwa.fine_tuning import add_adapters


@pytest.fixture
def said(capsys):
    """What the command prints as JSON."""

    def run(checkpoint):
        assert main(["info", str(checkpoint), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_a_pipeline_is_as_it_is_when_it_is_loaded(said, checkpoint):
    found, pipeline = said(checkpoint), NuwaTextToVideoPipeline.from_pretrained(checkpoint)
    width, height = FRAME_SIZE
    frames = {"num_frames": VISUAL_GRID[0], "height": height, "width": width, "frame_rate": FRAME_RATE}
    assert (found["kind"], found["where"], found["video"]) == ("pipeline", "folder", frames)
    models = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    for name, model in models.items():
        assert found["parts"][name]["parameters"] == sum(weight.numel() for weight in model.parameters())
        files = [file.stat().st_size for file in (checkpoint / name).glob("*.safetensors")]
        assert found["parts"][name]["weight_bytes"] == sum(files)
    bytes_of_weights = sum(weight.nbytes for model in models.values() for weight in model.parameters())
    buffers = sum(buffer.nbytes for buffer in models["transformer"].buffers())
    memory = found["memory_of_a_call"]
    assert memory["video"]["weights"] == bytes_of_weights + buffers
    assert memory["video"]["total"] >= memory["image"]["total"] > bytes_of_weights
    assert found["possible_tasks"] == [task.abbreviation for task in TASKS]
    assert found["learnt_tasks"] is None


def test_the_embedded_checkpoint_has_learnt_all_and_its_card_gives_scores(said, capsys):
    found = said("embedded")
    assert (found["where"], len(found["learnt_tasks"])) == ("embedded", 8)
    assert any("0.938" in str(row) for row in found["scores"].values())
    assert main(["info", "embedded"]) == 0
    text = capsys.readouterr().out
    assert "all eight: text-to-image" in text
    assert "6 x 8 x 8 tokens" in text
    assert "Object ↑ 0.938" in text


def test_weights_in_a_folder_that_is_a_link_count(said, checkpoint, tmp_path):
    whole = tmp_path / "whole"
    shutil.copytree(checkpoint, whole)
    (whole / "vqgan").rename(tmp_path / "codec")
    (whole / "vqgan").symlink_to(tmp_path / "codec")
    found, wanted = said(whole), said(checkpoint)
    assert found["parts"] == wanted["parts"]
    assert found["total_bytes"] == wanted["total_bytes"]


@pytest.mark.parametrize(
    ("part", "kind"),
    [("transformer", "transformer"), ("vqgan", "codec"), ("sketch_vqgan", "codec"), ("tokenizer", "tokenizer")],
)
def test_a_part_alone_is_what_it_is_in_the_pipeline(said, checkpoint, part, kind):
    whole, alone = said(checkpoint), said(checkpoint / part)
    assert alone["kind"] == kind
    assert list(alone["parts"].values()) == [whole["parts"][part]]
    assert alone["memory_of_a_call"] == {}


def test_a_pipeline_without_a_codec_of_sketches_has_no_tasks_of_sketches(said, tmp_path):
    components = tiny_pipeline("T2V").components | {"sketch_vqgan": None}
    transformer = tiny_transformer()
    transformer.config.learnt_tasks = ["T2V", "S2V"]
    NuwaTextToVideoPipeline(**components | {"transformer": transformer}).save_pretrained(tmp_path)
    write_run_card(tmp_path, facts=RunFacts(tasks=["T2V"], data=["clips"], steps=1, scores={"loss": 1.5}))
    found = said(tmp_path)
    assert set(found["possible_tasks"]) == {task.abbreviation for task in TASKS if "sketch" not in task.condition}
    assert found["learnt_tasks"] == ["T2V"]
    assert found["scores"] == {"clips": {"loss": 1.5}}


def test_tables_of_a_card_that_somebody_has_written_by_hand_are_read():
    """One that aligned its columns was taken for its first row, and one with a cell too few ended the command."""
    card = """# Mine

## Scores

| on clips | FID | seeds |
|:--------:|----:|-------|
| real | 0 | 1 |
| mine | 12.5 |

| on more | FID |
|-|-|
| mine | 3 | 4 |
"""
    assert card_scores(card) == {"on clips": {"FID": "12.5"}, "on more": {"FID": "3"}}


def test_an_adapter_names_its_base(said, capsys, tmp_path):
    pytest.importorskip("peft", reason="adapters are PEFT's")
    model = add_adapters(tiny_transformer(), rank=2, alpha=4, dropout=0.0, target_modules=["q_proj"])
    model.save_pretrained(tmp_path)
    (adapter,) = said(tmp_path)["parts"].values()
    learnt = (weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert (adapter["kind"], adapter["parameters"], adapter["values"]["rank"]) == ("adapter", sum(learnt), 2)


def test_an_adapter_of_a_pattern_of_modules_shows_it_whole_and_names_no_base_that_it_has_not(said, capsys, tmp_path):
    peft = pytest.importorskip("peft", reason="adapters are PEFT's")
    config = peft.LoraConfig(r=2, lora_alpha=4, target_modules=r".*\.q_proj")
    peft.get_peft_model(tiny_transformer(), config).save_pretrained(tmp_path)
    (adapter,) = said(tmp_path)["parts"].values()
    assert adapter["values"]["target_modules"] == [r".*\.q_proj"]
    assert main(["info", str(tmp_path)]) == 0
    assert r"rank 2, alpha 4, on .*\.q_proj of a model that it does not name" in capsys.readouterr().out


def test_what_is_no_checkpoint_is_refused(capsys, checkpoint, tmp_path):
    (tmp_path / "pipeline").symlink_to(checkpoint)
    for name, message in ((tmp_path, "give '"), (tmp_path / "nothing", "must be a folder")):
        assert main(["info", str(name)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("parts", [[], ["tokenizer"], ["scheduler", "text_encoder", "tokenizer", "transformer"]])
def test_a_pipeline_of_another_kind_is_refused_by_its_class_and_parts(capsys, checkpoint, tmp_path, parts):
    """It ended in a `StopIteration` or a `KeyError`, or was called incomplete."""
    for name in parts:
        shutil.copytree(checkpoint / "tokenizer", tmp_path / name)
    index = {"_class_name": "OtherPipeline", **{name: ["other", "Other"] for name in parts}}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    assert main(["info", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"a OtherPipeline with {', '.join(parts) or 'no parts'}; give another" in error
    assert error.count("\n") == 1


def test_a_card_in_another_encoding_is_read_as_far_as_it_can(said, checkpoint, tmp_path):
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    card = "# Mödel\n\n## Scores\n\n| task | psnr |\n| - | - |\n| all | 9 |\n"
    (tmp_path / "README.md").write_text(card, encoding="latin-1")
    assert said(tmp_path)["scores"] == {"task": {"psnr": "9"}}
