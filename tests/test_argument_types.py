# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Wrong types are refused by name in one line, wherever they are given. A campaign drew these from the signatures."""

import math
from typing import Literal

import pytest
import torch
from tiny import tiny_config, tiny_inputs, tiny_pipeline

from nuwa_hf import EmojiMotion, NuwaConfig, NuwaVQGAN
from nuwa_hf.argument_types import LONGEST, check_types, is_of_type, shown
from nuwa_hf.cli import main
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.grid import Grid
from nuwa_hf.media.frame_sampling import check_frame_rate
from nuwa_hf.tasks import find_task
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments


MATRIX = torch.zeros(40, 40)


def test_a_value_is_shown_in_one_short_line():
    assert shown([1, "a\nb"]) == r"[1, 'a\nb']"
    assert "\n" not in shown(MATRIX)
    assert len(shown("x" * 10**6)) == LONGEST


@pytest.mark.parametrize(
    ("value", "hint", "fits"),
    [
        *((1, int, True), (True, int, False), (1, bool, False), (1, float, True), (math.inf, float, False)),
        *((math.nan, float | None, False), (None, float | None, True), ([1, 2], tuple[int, ...], True)),
        *(((1, "a"), list[int], False), ("a", Literal["a"], True), (MATRIX, Literal["a"], False), ([], str, False)),
    ],
)
def test_types_are_those_of_the_annotations_and_floats_are_finite(value, hint, fits):
    assert is_of_type(value, hint) is fits
    if not fits:
        with pytest.raises(TypeError, match=r"^`size` must be of type .*, got [^\n]*; leave it out\.$"):
            check_types({"size": value}, {"size": hint}, "leave it out")


WRONG = {
    "NuwaConfig": (lambda: tiny_config(hidden_size="x"), "`hidden_size` must be of type int, got 'x'"),
    "NuwaConfig, a number": (lambda: tiny_config(layer_norm_eps=math.nan), "`layer_norm_eps` must be a finite number"),
    "NuwaConfig, set": (lambda: setattr(tiny_config(), "codebook_size", 1.5), "`codebook_size` must be of type int"),
    "NuwaConfig, no grid": (lambda: NuwaConfig(visual_grid=7), "`visual_grid` must be of type tuple"),
    "NuwaVQGAN": (
        lambda: NuwaVQGAN(commitment_weight="x"),
        "`commitment_weight` must be of type float",
    ),
    "a frame rate": (lambda: check_frame_rate(MATRIX), "`frame_rate` must be a number of frames a second"),
    "a Grid": (lambda: Grid(MATRIX, 1, 1), "`t` of a Grid must be a whole number"),
    "a task": (lambda: find_task(MATRIX), "`task` must be one of"),
    "EmojiMotion": (lambda: EmojiMotion(pack=3), "`pack` must be of type"),
    "open_dataset": (lambda: open_dataset(3), "`path` must be of type"),
    "TokenizeArguments": (
        lambda: TokenizeArguments(output_dir="x", num_clips=MATRIX),
        "`num_clips` must be of type int",
    ),
    "TokenizeArguments, a choice": (
        lambda: TokenizeArguments(output_dir="x", starts=MATRIX),
        r"`starts` must be one of \['even', 'random'\]",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_named_in_one_line_before_any_random_number_is_drawn(name):
    call, message = WRONG[name]
    before = torch.get_rng_state()
    with pytest.raises((ValueError, TypeError), match=rf"^({message})[^\n]*; [^\n]*$"):
        call()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "wrong",
    [{"composite": 7}, {"condition_on_known": ()}, {"return_dict": "yes"}, {"num_videos_per_prompt": 2**63}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_pipeline_refuses_switches_that_are_none_and_more_outputs_than_any_memory_holds(wrong):
    with pytest.raises((ValueError, TypeError), match=f"^`{next(iter(wrong))}` must be .*; "):
        tiny_pipeline("V2V").check_inputs(**tiny_inputs("V2V"), **wrong)


@pytest.mark.parametrize(
    "name", ["sketch_tokens", "attention_mask", "generation_config", "output_scores", "input_ids"]
)
def test_generate_refuses_what_is_no_tensor_or_setting(name):
    model = tiny_pipeline("T2V").transformer
    with pytest.raises(TypeError, match=f"^`{name}` must be .*, got '@{{'; "):
        model.generate(**{"input_ids": torch.ones(1, 2, dtype=torch.long), name: "@{"})


@pytest.mark.parametrize("name", ["num_beams", "max_new_tokens", "penalty_alpha"])
def test_generate_refuses_settings_that_have_no_meaning_whatever_they_are(name):
    model = tiny_pipeline("T2V").transformer
    with pytest.raises((ValueError, TypeError), match=f"^`{name}` must be [^\n]*$"):
        model.generate(torch.ones(1, 2, dtype=torch.long), **{name: MATRIX})


def test_generate_refuses_text_tokens_that_the_vocabulary_has_not():
    model = tiny_pipeline("T2V").transformer
    with pytest.raises(ValueError, match=r"`input_ids` must be in \[0, 128\).* from -1 to 3; use"):
        model.generate(torch.tensor([[-1, 3]]))


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "x", "--num_frames", "many"],
        ["init", "from-nothing", "x", "--hours", "{}"],
        ["train-tokenizer", "--output_dir", "x", "--caption_source", "3"],
        ["train-judges", "--output_dir", "x", "--learning_rate", "inf"],
        ["evaluate", "--batch_size", "é" * 70_000],
    ],
    ids=lambda words: words[0],
)
def test_a_wrong_word_ends_any_command_with_one_short_line_and_status_2(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(words)
    except SystemExit as end:
        status = end.code
    (line,) = capsys.readouterr().err.splitlines()
    assert (status, list(tmp_path.iterdir())) == (2, [])
    assert words[-2].lstrip("-") in line
    assert len(line) < 3000
