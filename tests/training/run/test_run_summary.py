# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a run says at its start and its end; the commands that it names are commands."""

import shlex
from pathlib import Path

import pytest
import torch

from nuwa_hf.cli import DELEGATED, build_parser
from nuwa_hf.tasks import TASKS
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.run import next_commands
from nuwa_hf.training.run.run_arguments import RunArguments, parse_arguments
from nuwa_hf.training.run.run_setup import build_accelerator
from nuwa_hf.training.run.run_state import RunState
from nuwa_hf.training.run.run_summary import describe_start
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments


def test_the_start_says_device_parameters_clips_epochs_batch_steps_samples_and_where_it_goes_on(tmp_path):
    settings = {"output_dir": str(tmp_path), "device": "cpu", "max_train_steps": 1000, "train_batch_size": 4}
    arguments = RunArguments(**settings, gradient_accumulation_steps=2)
    state = RunState(arguments, build_accelerator(arguments))
    model = torch.nn.Linear(4, 2)
    model.bias.requires_grad_(False)
    lines = describe_start(state, {"codec": model}, clips=100, resumed=None)
    assert lines["device"] == "cpu, 1 process, float32"
    assert lines["codec"] == "10 parameters, 8 trained"
    assert lines["data"] == "100 clips, 80.0 epochs"
    assert lines["batch"] == "8 samples a step: 4 in a pass x 2 passes"
    assert "tasks" not in lines
    assert lines["steps"] == "1,000"
    assert lines["samples"] == f"{tmp_path / 'samples'}, every 500 steps"
    state.step = 600
    resumed = Path("run/checkpoint-000600")
    lines = describe_start(state, {"codec": model}, clips=None, resumed=resumed, has_samples=False, tasks="T2V")
    assert lines["tasks"] == "T2V"
    assert "samples" not in lines
    assert lines["steps"] == "1,000, 400 of them to go from run/checkpoint-000600"
    assert "100" not in lines["data"]
    lines = describe_start(state, {"transformer": model}, clips=100, resumed=None, tasks="T2V")
    assert lines["data"] == "100 samples, 80.0 epochs"


def arguments_of(command, name):
    words = shlex.split(command)
    assert words[:2] == ["nuwa-hf", name]
    return words[2:]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.abbreviation)
@pytest.mark.parametrize("caption", ["it's red", ""])
def test_after_training_come_the_task_and_the_push(task, caption):
    use, *pushes = next_commands.after_training(
        Path("my runs/pipeline"), tasks=[task.abbreviation], caption=caption, adapter=Path("my runs/adapter")
    )
    assert "''" not in use  # an empty prompt is refused
    parsed = build_parser().parse_args([task.command, *arguments_of(use, task.command)])
    assert parsed.checkpoint == "my runs/pipeline"
    assert [arguments_of(push, "push")[0] for push in pushes] == ["my runs/pipeline", "my runs/adapter"]
    assert "push" in DELEGATED


def test_each_stage_names_the_next_with_arguments_that_it_takes():
    codec, dataset = Path("my runs/vqgan"), "my clips"
    (command,) = next_commands.after_vqgan(codec, dataset=dataset, is_of_sketches=False)
    parsed = parse_arguments(TokenizeArguments, arguments_of(command, "tokenize"))
    assert (parsed.vqgan, parsed.dataset) == (str(codec), dataset)
    (command,) = next_commands.after_vqgan(codec, dataset=dataset, media_column="my video", is_of_sketches=False)
    assert parse_arguments(TokenizeArguments, arguments_of(command, "tokenize")).media_column == "my video"
    (command,) = next_commands.after_vqgan(codec, dataset=dataset, is_still=True, is_of_sketches=False)
    assert parse_arguments(TokenizeArguments, arguments_of(command, "tokenize")).num_frames == 1
    (command,) = next_commands.after_vqgan(codec, dataset=None, is_of_sketches=True)
    assert parse_arguments(TokenizeArguments, arguments_of(command, "tokenize")).sketch_vqgan == str(codec)
    (command,) = next_commands.after_vqgan(codec, dataset=dataset, is_of_sketches=False, start="embedded")
    parsed = parse_arguments(TokenizeArguments, arguments_of(command, "tokenize"))
    assert (parsed.checkpoint, parsed.vqgan, parsed.tokenizer) == ("embedded", str(codec), None)
    (command,) = next_commands.after_tokenizer(Path("t"), ["--dataset", dataset])
    parsed = parse_arguments(TokenizeArguments, arguments_of(command, "tokenize"))
    assert (parsed.tokenizer, parsed.dataset) == ("t", dataset)
    (command,) = next_commands.after_tokenizer(Path("my t"), [], "my start")
    parsed = parse_arguments(TokenizeArguments, arguments_of(command, "tokenize"))
    assert (parsed.checkpoint, parsed.vqgan, parsed.tokenizer, parsed.dataset) == ("my start", "VQGAN", "my t", None)
    parts = {"checkpoint": None, "vqgan": "v", "tokenizer": "t", "sketch_vqgan": None}
    for num_clips, is_still, expected in ((16, False, (16, 3)), (16, True, (16, 1)), (3, False, (3, 1))):
        (command,) = next_commands.after_tokens(Path("my tokens"), num_clips=num_clips, is_still=is_still, **parts)
        parsed = parse_arguments(NuwaArguments, arguments_of(command, "train"))
        assert parsed.tokens == ["my tokens"]
        assert (parsed.train_batch_size, len(parsed.tasks)) == expected
