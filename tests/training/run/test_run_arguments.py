# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

from nuwa_hf.argument_hints import OTHER_NAMES, OTHER_WAYS
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.run import run_arguments
from nuwa_hf.training.run.run_arguments import RunArguments, parse_arguments
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
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
        ("seed", -1),
        ("seed", 2**31),
        ("seed", 202611301507),
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
    with pytest.raises(
        ValueError, match=f"`log_with` must be a tracker that is installed.*`pip install {missing[0]}`"
    ):
        RunArguments(output_dir="run", log_with=missing[0])


def test_a_tracker_that_cannot_be_imported_is_an_error_before_any_work(monkeypatch):
    monkeypatch.setattr(run_arguments, "get_available_trackers", lambda: ["trackio"])
    monkeypatch.setitem(sys.modules, "trackio", None)
    for name in ("trackio", "all"):
        with pytest.raises(ValueError, match=r"`log_with` must be .* imported.*`pip install trackio`"):
            RunArguments(output_dir="run", log_with=name)
    monkeypatch.setattr(run_arguments, "get_available_trackers", lambda: [])
    with pytest.raises(ValueError, match="`log_with` must be a tracker that is installed"):
        RunArguments(output_dir="run", log_with="all")


def test_missing_or_broken_config_is_an_error(tmp_path):
    for path, reason in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ValueError, match=f"`config` must be a YAML file.*{reason}"):
            parse_arguments(RunArguments, ["--config", str(path)])
    for content in (b"- a\n- b\n", b"a: [1\n", b"a: \xff\n"):
        path = tmp_path / "config.yaml"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="`config`"):
            parse_arguments(RunArguments, ["--config", str(path)])


@pytest.mark.parametrize(
    ("cls", "argv", "answer"),
    [
        (RunArguments, ["--lr", "1e-4"], "'--lr'; its name here is `learning_rate`"),
        (RunArguments, ["--per-device-train-batch-size=4"], "its name here is `train_batch_size`"),
        (RunArguments, ["--output", "out/"], "its name here is `output_dir`"),
        (RunArguments, ["--report_to", "wandb"], "its name here is `log_with`"),
        (RunArguments, ["--workers", "2"], "its name here is `dataloader_num_workers`"),
        (TokenizeArguments, ["--workers", "2"], "its name here is `num_proc`"),
        (RunArguments, ["--resume_from_checkpoint", "latest"], "goes on from the newest checkpoint"),
        (RunArguments, ["--fp16"], "write `--mixed_precision fp16`"),
        (TokenizeArguments, ["--fp16"], "see `--help`"),
        (RunArguments, ["--num_train_epochs", "3"], "`max_train_steps`, which is epochs x clips"),
        (VQGANArguments, ["--gradient_checkpointing"], "lower `train_batch_size`"),
        (VQGANArguments, ["--resolution", "128"], "its name here is `image_size`"),
        (NuwaArguments, ["--image_size", "128"], "as those that the codec was trained on"),
        (NuwaArguments, ["--data_dir", "clips"], "run `nuwa-hf tokenize`"),
        (RunArguments, ["my.yaml"], "given by `--config`"),
        (RunArguments, ["--flux_capacitor"], "see `--help`"),
    ],
)
def test_a_name_of_another_tool_is_answered_with_what_to_do_here(cls, argv, answer):
    with pytest.raises(ValueError, match=re.escape(answer)):
        parse_arguments(cls, argv)


def test_hints_lead_to_arguments_that_some_command_has():
    names = {entry.name for cls in (NuwaArguments, VQGANArguments, TokenizeArguments) for entry in fields(cls)}
    assert names >= {ours for others in OTHER_NAMES.values() for ours in others}
    assert names >= {needed for needed, _ in OTHER_WAYS.values()}


def test_a_bare_no_of_yaml_is_the_word_and_other_truth_values_of_a_word_are_errors(tmp_path):
    config = write(tmp_path, "output_dir: run\nmixed_precision: no\n")
    assert parse_arguments(RunArguments, ["--config", config]).mixed_precision == "no"
    config = write(tmp_path, "output_dir: run\nmixed_precision: yes\n")
    with pytest.raises(ValueError, match=r"`mixed_precision` must be one of.*got True; YAML reads"):
        parse_arguments(RunArguments, ["--config", config])
