# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Samples of each task while a run goes on: they show what was given and change nothing."""

import random

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from test_fine_tuning import flags_of, random_tokens, tokens_folder, transformer_weights
from tiny import FRAME_SIZE, VISUAL_GRID, tiny_pipeline

from nuwa_hf.media.sheets import MARGIN
from nuwa_hf.tasks import TASKS, get_task
from nuwa_hf.training.nuwa.sample_sheets import SHEET_HEIGHT, draw_prompts, draw_task_sheets
from nuwa_hf.training.nuwa.train_nuwa import main


assert tokens_folder  # a fixture
ALL = [task.abbreviation for task in TASKS]
FACTOR = SHEET_HEIGHT // FRAME_SIZE[1]


def test_every_task_has_a_row_for_what_the_codec_makes_of_the_clip_for_what_is_given_and_for_the_result():
    sheets = draw_task_sheets(tiny_pipeline(), random_tokens(), ALL, seed=0)
    assert list(sheets) == ALL
    for name, sheet in sheets.items():
        task = get_task(name)
        frames = VISUAL_GRID[0] if task.output == "video" else 1
        assert sheet.width == frames * (FRAME_SIZE[0] * FACTOR + MARGIN) + MARGIN
        rows = 2 + (task.known != "nothing") + ("sketch" in task.condition)
        assert rows <= sheet.height / (FRAME_SIZE[1] * FACTOR) < rows + 1


def test_equal_seeds_draw_equal_sheets_and_others_do_not():
    pipeline, tokens = tiny_pipeline(), random_tokens()
    one, same, other = (draw_task_sheets(pipeline, tokens, ["T2V"], seed)["T2V"] for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes() != other.tobytes()


@pytest.mark.parametrize("num_frames", [1, VISUAL_GRID[0]])
def test_prompts_are_drawn_as_rows_of_a_sheet_each_from_a_seed_of_its_own(num_frames):
    pipeline = tiny_pipeline()
    both = draw_prompts(pipeline, ["an apple", "two birds"], num_frames, seed=3)
    assert both.width == num_frames * (FRAME_SIZE[0] * FACTOR + MARGIN) + MARGIN
    one = draw_prompts(pipeline, ["an apple"], num_frames, seed=3)
    assert one.tobytes() == both.crop((0, 0, *one.size)).tobytes()
    other = draw_prompts(pipeline, ["two birds"], num_frames, seed=3)
    assert other.tobytes() != both.crop((0, both.height - other.height, *both.size)).tobytes()


def test_output_settings_of_the_generation_config_change_no_sheet():
    pipeline, tokens = tiny_pipeline(), random_tokens()

    def draw():
        sheets = [draw_task_sheets(pipeline, tokens, ["T2V"], seed=0)["T2V"], draw_prompts(pipeline, ["a"], 1, seed=0)]
        return [sheet.tobytes() for sheet in sheets]

    expected = draw()
    outputs = {"num_return_sequences": 2, "return_dict_in_generate": False, "output_scores": True, "do_sample": True}
    pipeline.transformer.generation_config.update(**outputs)
    assert draw() == expected


def test_drawing_leaves_random_states_and_modes_as_they_were():
    pipeline, tokens = tiny_pipeline(), random_tokens()
    pipeline.transformer.train()
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    draw_task_sheets(pipeline, tokens, ALL, seed=0)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert random.getstate() == states[2]
    assert pipeline.transformer.training


def test_a_run_with_sheets_is_the_run_without(checkpoint, tokens_folder, tmp_path):
    settings = {"hidden_dropout": 0.2, "max_train_steps": 2, "sample_every": 1}
    for name, is_drawn in (("with", True), ("without", False)):
        main(flags_of(checkpoint, tokens_folder, tmp_path / name, sample_sheets=is_drawn, **settings))
    one, other = (transformer_weights(tmp_path / name / "pipeline") for name in ("with", "without"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    states = [load_file(tmp_path / name / "checkpoint-000002" / "model.safetensors") for name in ("with", "without")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    sheets = sorted((tmp_path / "with" / "samples").iterdir())
    assert [path.name for path in sheets] == sorted(
        f"step-{step:06d}-{task}.png" for step in (1, 2) for task in ("T2V", "S2V", "TI2I", "V2V")
    )
    assert Image.open(sheets[0]).size[1] > SHEET_HEIGHT // 2
    assert not (tmp_path / "without" / "samples").exists()
