# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every command of docs/your-data.md, at toy size, in its order, but the push."""

import json
import sys
from importlib import import_module

import numpy as np
import pytest
import torch
from page_commands import ROOT, commands_of, run_commands, steps_of

from nuwa_hf import DEMO_CHECKPOINT, NuwaVQGAN


sys.path.insert(0, str(ROOT / "examples" / "your_data"))

COMMANDS = commands_of("your-data.md")
pytestmark = pytest.mark.pages
STEPS = ["--max_train_steps", "2", "--train_batch_size", "2", "--checkpointing_steps", "1", "--sample_every", "2"]
# What is added to a command to make it small.
TOY = {
    "moving_shapes.py": ["--num_clips", "12"],
    "train-vqgan": [*STEPS, "--num_samples", "2", "--device", "cpu"],
    "train": [*STEPS, "--train_batch_size", "4", "--device", "cpu"],
    "text-to-video": ["--num-videos", "1"],
    "judge_shapes.py": ["--num_clips", "3"],
    # The page's own metrics need torch-fidelity, which is an extra; test_evaluation_page.py runs them.
    "evaluate": ["--metrics", "mse", "--num_samples", "2", "--device", "cpu"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where every command of the page has run but the push."""
    folder = tmp_path_factory.mktemp("your_data")
    run_commands(COMMANDS, TOY, folder)
    return folder


def test_the_page_has_every_step():
    assert steps_of(COMMANDS) == [
        *("moving_shapes.py", "inspect", "train-vqgan", "train-tokenizer", "tokenize", "train"),
        *("tokenize", "train", "train", "train"),
        *(
            "text-to-video",
            "judge_shapes.py",
            "judge_shapes.py",
            "moving_shapes.py",
            "evaluate",
            "push",
            "plot_runs.py",
        ),
    ]


def test_the_clips_are_drawn_by_the_codec_that_learnt_them(folder):
    start, learnt, drawn_by = (
        NuwaVQGAN.from_pretrained(place).state_dict()
        for place in (
            DEMO_CHECKPOINT / "vqgan",
            folder / "runs" / "vqgan" / "vqgan",
            folder / "runs/full/pipeline/vqgan",
        )
    )
    assert all(torch.equal(weight, drawn_by[name]) for name, weight in learnt.items())
    assert not all(torch.equal(weight, start[name]) for name, weight in learnt.items())


def test_the_judge_is_right_about_every_real_clip(folder):
    judge, shapes = import_module("judge_shapes"), import_module("moving_shapes")
    random = np.random.default_rng(5)
    colors, forms, directions = [*shapes.COLORS], [*shapes.SHAPES], [*shapes.DIRECTIONS]
    scenes = [shapes.Scene(colors[n], forms[n % 4], directions[n % 4], "checked") for n in range(len(colors))]
    videos = [np.stack([np.asarray(frame) for frame in shapes.draw_clip(scene, random)]) / 255 for scene in scenes]
    assert judge.judge(videos, scenes)["all"] == 1
    assert judge.judge(videos, scenes[1:] + scenes[:1])["all"] == 0
    assert json.loads((folder / "real.json").read_text(encoding="utf-8"))["all"] == 1


def test_what_was_looked_at_is_there(folder):
    for name in ("inspect.png", "runs/tokens/codec.png", "shapes.json", "shapes.png", "scores.json", "curves.png"):
        assert (folder / name).is_file()
    for run in ("full", "frozen", "lora", "tiny"):
        assert (folder / "runs" / run / "pipeline" / "model_index.json").is_file()
    for run in ("vqgan", "full", "frozen", "lora", "tiny"):
        assert list((folder / "runs" / run / "samples").glob("step-000002*.png"))
