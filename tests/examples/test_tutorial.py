# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every command of docs/fine-tuning.md, at toy size, in its order; the Hub is one on this machine."""

import json
import sys
from importlib import import_module

import pytest
import torch
from page_commands import ROOT, commands_of, run_commands, steps_of

from nuwa_hf import DEMO_CHECKPOINT, EmojiMotion, NuwaTextToVideoPipeline
from nuwa_hf.cli import main as nuwa_hf_command


sys.path.insert(0, str(ROOT / "examples" / "fine_tuning"))

COMMANDS = commands_of("fine-tuning.md")
pytestmark = pytest.mark.pages
# What is added to a command to make it small.
TOY = {
    "make_clips.py": ["--num_clips", "4"],
    "train": [
        "--train_batch_size",
        "2",
        "--max_train_steps",
        "2",
        "--checkpointing_steps",
        "1",
        "--sample_every",
        "2",
    ],
    "judge_directions.py": ["--num_clips", "2"],
}


def push_and_draw(pushes):
    """Pushes with the command, loads what is on the Hub, and leaves the tokens of the pipeline and of the adapter."""
    for push in pushes:
        assert nuwa_hf_command(push) in (None, 0)
    pipelines = [NuwaTextToVideoPipeline.from_pretrained(place) for place in (pushes[0][2], DEMO_CHECKPOINT)]
    pipelines[1].load_lora_weights(pushes[1][2])
    prompt = "a star moves up and to the right over the sea"
    torch.save([draw(prompt, generator=torch.Generator().manual_seed(0)).tokens for draw in pipelines], "tokens.pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where every command of the page has run but the installation and the push."""
    pytest.importorskip("peft", reason="adapters are PEFT's")
    folder = tmp_path_factory.mktemp("fine_tuning")
    run_commands(COMMANDS, TOY, folder)
    return folder


def test_the_page_has_every_step():
    assert steps_of(COMMANDS) == [
        *("make_clips.py", "make_clips.py", "tokenize", "tokenize", "train", "judge_directions.py", "push", "push"),
    ]


def test_the_run_leaves_an_adapter_a_pipeline_and_a_sheet(folder):
    assert (folder / "lora" / "adapter" / "adapter_config.json").is_file()
    assert list((folder / "lora" / "samples").glob("*T2V.png"))
    base = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT).transformer
    tuned = NuwaTextToVideoPipeline.from_pretrained(folder / "lora" / "pipeline").transformer
    changed = {name for name, weight in tuned.named_parameters() if not torch.equal(weight, base.get_parameter(name))}
    assert changed
    assert all(".layers." in name for name in changed)


def test_the_judge_says_shares_of_real_clips_and_of_both_checkpoints(folder):
    result = json.loads((folder / "directions.json").read_text(encoding="utf-8"))
    assert set(result) == {"real clips", "embedded", "lora/pipeline"}
    assert all(0 <= share <= 1 for shares in result.values() for share in shares.values())
    assert (folder / "directions.png").is_file()


def test_the_judge_is_right_about_every_real_direction():
    judge, clips = import_module("judge_directions"), import_module("make_clips")
    for direction in judge.DIRECTIONS:
        samples = [sample for sample, _ in zip(clips.draw_samples("val", 0, [direction]), range(6), strict=False)]
        videos = [sample["video"] / 255 for sample in samples]
        assert judge.share_right(videos, [direction] * len(videos)) == 1
    assert judge.direction_of(videos[0][:1].repeat(4, 0)) is None


def test_the_new_motion_is_one_that_the_checkpoint_has_not_seen():
    clips = import_module("make_clips")
    assert clips.NEW_MOTION not in EmojiMotion(setting="small").motion_names


def test_what_is_pushed_loads_and_draws_the_same(folder, processes, hub):
    """The adapter could not be pushed: its card named a folder of this machine as the base."""
    pushes = [arguments for program, *arguments in COMMANDS if arguments[0] == "push"]
    pushes = [[push, what, repo_id.replace("user/", "tester/"), *flags] for push, what, repo_id, *flags in pushes]
    done = processes.run(push_and_draw, pushes, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    pipeline = NuwaTextToVideoPipeline.from_pretrained(folder / "lora" / "pipeline")
    generator = torch.Generator().manual_seed(0)
    tokens = pipeline("a star moves up and to the right over the sea", generator=generator).tokens
    of_pipeline, of_adapter = torch.load(folder / "tokens.pt", weights_only=True)
    assert torch.equal(of_pipeline, tokens)
    assert (of_adapter == tokens).float().mean() > 0.9  # merging rounds, which may move a token that is nearly a tie
    for _, what, repo_id, *_ in pushes:
        files = hub.repositories[repo_id].commit("main").files
        card = files["README.md"][0].decode()
        assert f'("{repo_id}")' in card
        assert "license: apache-2.0" in card
        if what == "lora/adapter":
            assert json.loads(files["adapter_config.json"][0])["base_model_name_or_path"] == "embedded"
            assert "from_pretrained(DEMO_CHECKPOINT)" in card
