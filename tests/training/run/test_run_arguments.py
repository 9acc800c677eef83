# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from pathlib import Path

import pytest
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

from nuwa_hf.training.run.run_arguments import RunArguments, parse_arguments
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


def write(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text)
    return str(path)


def test_flag_overrides_file_and_file_overrides_default(tmp_path):
    config = write(
        tmp_path, "output_dir: run\nseed: 5\nlearning_rate: 1e-3\nblock_out_channels: [8, 16]\nresume: no\n"
    )
    arguments = parse_arguments(VQGANArguments, ["--config", config, "--seed", "7"])
    assert (arguments.output_dir, arguments.seed, arguments.learning_rate) == ("run", 7, 1e-3)
    assert (arguments.block_out_channels, arguments.resume) == ([8, 16], False)
    assert arguments.max_grad_norm == VQGANArguments(output_dir="run").max_grad_norm


def test_list_flag_and_negated_flag_are_read():
    argv = ["--output_dir", "run", "--block_out_channels", "8", "16", "--no_resume", "--discriminator_start", "1"]
    arguments = parse_arguments(VQGANArguments, argv)
    assert (arguments.block_out_channels, arguments.resume, arguments.discriminator_start) == ([8, 16], False, 1.0)


def test_unknown_key_of_the_file_is_named_with_the_closest_valid_one(tmp_path):
    config = write(tmp_path, "output_dir: run\nlearning_rat: 1.0e-3\n")
    with pytest.raises(ValueError, match=r"`learning_rat`.*`learning_rate`"):
        parse_arguments(RunArguments, ["--config", config])


@pytest.mark.parametrize("flag", ["--max-train-step=3", "--max_train_step"])
def test_unknown_flag_is_named_with_the_closest_valid_one(flag):
    with pytest.raises(ValueError, match=r"max.train.step.*`max_train_steps`"):
        parse_arguments(RunArguments, ["--output_dir", "run", flag])


def test_missing_output_dir_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="output_dir"):
        parse_arguments(RunArguments, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_train_steps", 0),
        ("learning_rate", -1.0),
        ("warmup_ratio", 1.5),
        ("lr_scheduler", "linear"),
        ("mixed_precision", "fp8"),
        ("device", "tpu"),
        ("dataloader_num_workers", -1),
    ],
)
def test_value_that_breaks_its_rule_is_an_error_that_names_both(name, value):
    with pytest.raises(ValueError, match=f"`{name}.*{value}"):
        RunArguments(output_dir="run", **{name: value})


@pytest.mark.parametrize(("name", "value"), [("seed", "one"), ("seed", True), ("block_out_channels", [8, "x"])])
def test_value_of_the_wrong_type_is_a_type_error(name, value):
    with pytest.raises(TypeError, match=f"`{name}`"):
        VQGANArguments(output_dir="run", **{name: value})


def test_a_tracker_that_is_not_installed_is_an_error_and_not_left_out():
    missing = sorted(LOGGER_TYPE_TO_CLASS.keys() - {str(name) for name in get_available_trackers()})
    if not missing:
        pytest.skip("all of Accelerate's trackers are installed")
    with pytest.raises(ValueError, match=f"`log_with` must be a tracker that is installed.*{missing[0]}"):
        RunArguments(output_dir="run", log_with=missing[0])


def test_missing_or_broken_config_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        parse_arguments(RunArguments, ["--config", str(tmp_path / "none.yaml")])
    for text in ("- a\n- b\n", "a: [1\n"):
        with pytest.raises(ValueError, match="`config`"):
            parse_arguments(RunArguments, ["--config", write(tmp_path, text)])
