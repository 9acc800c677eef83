# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments of `nuwa-hf tokenize`: each belongs to EmojiMotion or to a data set."""

import pytest

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.storage.find_checkpoint import find_codecs
from nuwa_hf.training.run.run_arguments import parse_arguments
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments


FOLDERS = ["--vqgan", "v", "--tokenizer", "t", "--output_dir", "o"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num_frames", "0"], "`num_frames` must be at least 1"),
        (["--num_proc", "0"], "`num_proc` must be at least 1"),
        (["--engine", "ray", "--device", "cuda:1"], "`device` must be 'cpu' or 'cuda' with Ray"),
        (["--frame_rate", "0"], "`frame_rate` must be from 0.01"),
        (["--max_skipped_share", "1.5"], "`max_skipped_share` must be a share from 0 to 1"),
        (["--clips_per_shard", "0"], "`clips_per_shard` must be at least 1"),
        (["--sketch_column", "s"], "`sketch_column` must be left out without `sketch_vqgan`"),
        (["--crop_scale", "0.5"], "`crop_scale` must be left out with `crops_per_clip` 1, the middle alone, got 0.5"),
        (["--split", "val"], "`split` must be left out with `dataset`"),
        (["--num_clips", "7"], "`num_clips` must be left out with `dataset`"),
        (["--frames", "7"], "its name here is `num_frames`"),
    ],
)
def test_wrong_values_and_those_of_emoji_motion_are_refused_with_a_data_set(flags, message):
    with pytest.raises(ValueError, match=message):
        parse_arguments(TokenizeArguments, [*FOLDERS, "--dataset", "clips", *flags])


@pytest.mark.parametrize("flags", [["--streaming"], ["--num_frames", "4"], ["--caption_column", "text"]])
def test_what_belongs_to_a_data_set_is_refused_without_one(flags):
    with pytest.raises(ValueError, match=f"`{flags[0][2:]}` must be left out without `dataset`"):
        parse_arguments(TokenizeArguments, [*FOLDERS, *flags])
    assert parse_arguments(TokenizeArguments, [*FOLDERS, "--dataset", "clips", *flags]).dataset == "clips"


def test_a_checkpoint_stands_for_its_codecs_and_tokenizer():
    arguments = parse_arguments(TokenizeArguments, ["--checkpoint", "embedded", "--output_dir", "o"])
    folders = {name: str(DEMO_CHECKPOINT / name) for name in ("vqgan", "tokenizer", "sketch_vqgan")}
    assert arguments.codec_folders() == folders


def test_frames_and_rate_are_the_checkpoints_else_the_papers_unless_given():
    whole = ["--checkpoint", "embedded", "--dataset", "clips", "--output_dir", "o"]
    for flags, expected in (
        (whole, (6, 4)),
        ([*whole, "--num_frames", "3", "--frame_rate", "2"], (3, 2)),
        ([*FOLDERS, "--dataset", "clips"], (10, 2.5)),
    ):
        arguments = parse_arguments(TokenizeArguments, flags)
        assert (arguments.clip_frames(), arguments.clip_rate()) == expected


def test_a_part_that_is_named_replaces_that_of_the_checkpoint(tmp_path):
    flags = ["--checkpoint", "embedded", "--vqgan", str(tmp_path), "--output_dir", "o"]
    folders = parse_arguments(TokenizeArguments, flags).codec_folders()
    assert folders == {**find_codecs("embedded"), "vqgan": str(tmp_path)}


def test_of_a_data_set_sketches_are_read_with_a_checkpoint_only_where_they_are_named():
    flags = ["--checkpoint", str(DEMO_CHECKPOINT), "--dataset", "clips", "--output_dir", "o"]
    assert parse_arguments(TokenizeArguments, flags).codec_folders()["sketch_vqgan"] is None
    named = parse_arguments(TokenizeArguments, [*flags, "--sketch_column", "drawing"])
    assert named.codec_folders()["sketch_vqgan"] == str(DEMO_CHECKPOINT / "sketch_vqgan")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--vqgan", "v"], "`tokenizer` must be given without `checkpoint`"),
        ([], "`vqgan` must be given without `checkpoint`"),
    ],
)
def test_codec_and_tokenizer_are_named(flags, message):
    with pytest.raises(ValueError, match=message):
        parse_arguments(TokenizeArguments, [*flags, "--output_dir", "o"])


def test_a_checkpoint_that_is_not_there_is_an_error(tmp_path):
    arguments = parse_arguments(TokenizeArguments, ["--checkpoint", str(tmp_path / "none"), "--output_dir", "o"])
    with pytest.raises(OSError, match="does not exist"):
        arguments.codec_folders()
