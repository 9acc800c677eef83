# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from dataclasses import replace
from pathlib import Path

import pytest

import nuwa_hf.training
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


@pytest.mark.parametrize(
    ("name", "value"),
    [("discriminator_start", -0.1), ("codebook_learning", "magic"), ("l2_weight", -1.0), ("perceptual_weight", -0.5)],
)
def test_value_that_breaks_its_rule_is_an_error_that_names_both(name, value):
    with pytest.raises(ValueError, match=f"`{name}.*{value}"):
        VQGANArguments(output_dir="run", **{name: value})


@pytest.mark.parametrize(("name", "value"), [("discriminator_start", 0.5), ("perceptual_weights", "vgg.safetensors")])
def test_sketches_take_neither_a_discriminator_nor_a_perceptual_loss(name, value):
    fitting = {"target": "sketches", "discriminator_start": 1.0, "output_dir": "run"}
    assert VQGANArguments(**fitting).target == "sketches"
    with pytest.raises(ValueError, match=f"`{name}` must be .* for sketches, got {value!r}"):
        VQGANArguments(**{**fitting, name: value})


@pytest.mark.parametrize(
    ("name", "setting", "target"),
    [
        ("emoji_motion_vqgan", "small-128", "frames"),
        ("emoji_motion_fsq_vqgan", "small", "frames"),
        ("emoji_motion_sketch_vqgan", "small", "sketches"),
    ],
)
def test_packaged_config_is_valid_and_a_new_codec_gives_a_frame_8_by_8_tokens(name, setting, target):
    config = Path(nuwa_hf.training.__file__).parent / "configs" / f"{name}.yaml"
    arguments = parse_arguments(VQGANArguments, ["--config", str(config)])
    assert (arguments.setting, arguments.target) == (setting, target)
    if arguments.vqgan is None:
        assert SETTINGS[setting].size == 8 * 2 ** (len(arguments.block_out_channels) - 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_size": 64}, "`image_size` must be left out or 128 without `dataset`, got 64; leave it out"),
        ({"dataset_split": "test"}, "`dataset_split` must be left out without `dataset`, got 'test'"),
        ({"held_out_split": "val"}, "`held_out_split` must be left out without `dataset`, got 'val'"),
        ({"dataset": "clips", "setting": "small"}, "`setting` must be left out with `dataset` clips, got 'small'"),
        ({"dataset": "clips", "sprites": "shapes"}, "`sprites` must be left out with `dataset` clips, got 'shapes'"),
        ({"dataset": "clips", "object_weight": 1.0}, "`object_weight` must be left out with `dataset` clips, got 1.0"),
        ({"dataset": "moving-mnist", "setting": "large"}, "`setting` must be left out with `dataset` moving-mnist"),
    ],
)
@pytest.mark.parametrize("vqgan", [None, "embedded"])
def test_what_says_something_of_other_data_is_refused(vqgan, values, message):
    with pytest.raises(ValueError, match=message):
        VQGANArguments(output_dir="run", vqgan=vqgan, **values)


@pytest.mark.parametrize("vqgan", [None, "embedded"])
def test_the_size_of_frames_that_are_drawn_is_known_and_arguments_say_the_same_again(vqgan):
    arguments = VQGANArguments(output_dir="run", vqgan=vqgan, setting="small", sprites="shapes")
    assert arguments.image_size == SETTINGS["small"].size
    assert replace(arguments) == arguments


def test_levels_say_how_many_codes_there_are_and_how_wide():
    arguments = VQGANArguments(output_dir="run", fsq_levels=[8, 5, 5])
    assert (arguments.codebook_size, arguments.codebook_dim) == (200, 3)
    arguments = VQGANArguments(output_dir="run")
    assert (arguments.codebook_size, arguments.codebook_dim) == (1024, 256)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codebook_size": 1024}, "`codebook_size` must be 200, as `fsq_levels` say, got 1024; leave it out"),
        ({"codebook_dim": 256}, "`codebook_dim` must be 3, as `fsq_levels` say, got 256"),
        ({"fsq_levels": [8, 1]}, r"`fsq_levels` must be at least 2 each, got \[8, 1\]"),
        ({"fsq_levels": []}, "`fsq_levels` must be at least 2 each"),
    ],
)
def test_levels_that_contradict_or_are_impossible_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        VQGANArguments(**{"output_dir": "run", "fsq_levels": [8, 5, 5], **changes})
