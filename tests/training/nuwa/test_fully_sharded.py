# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights sharded by FSDP2 over processes on the CPU, as `fsdp_cpu_4.yaml` says: the same run as in one process."""

import os
import signal
import subprocess
import sys
from functools import partial
from importlib.resources import files
from math import prod

import pytest
import test_train_nuwa
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from safetensors.torch import load_file
from test_two_processes import kill_after_step, metrics_of
from torch.distributed.checkpoint import FileSystemReader
from warm_processes import start_processes

from nuwa_hf.training.nuwa.train_nuwa import main
from nuwa_hf.training.run.sharded_checkpoints import SHARDS


folders = test_train_nuwa.folders

CONFIG = files("nuwa_hf.training") / "configs" / "accelerate" / "fsdp_cpu_4.yaml"
# Five tasks, and four rows in each of three processes: each lacks a task that others have.
FIVE_TASKS = ["--tasks", "T2V=1", "S2V=1", "V2V=1", "TI2I=1", "S2I=1", "--condition_dropout", "0"]
CHECKPOINTING = ["--gradient_checkpointing", "true"]
LORA = ["--fine_tune", "lora", "--lora_rank", "4"]


def flags_of(folders, output_dir, *, processes=1, optimizer="adamw", more=(), **values):
    """Twelve samples a step, whatever the number of processes, and steps that do not depend on when the run ends.

    After a validation without a checkpoint the next step computed with averaged weights.
    """
    settings = {"max_train_steps": 4, "checkpointing_steps": 2, "sample_every": 1, "lr_scheduler": "constant"}
    settings |= {"hidden_dropout": 0.0, "train_batch_size": 12 // processes, **values}
    return [*test_train_nuwa.run_flags(folders, output_dir, optimizer, **settings), *FIVE_TASKS, *more]


def fine_tuning_flags(folders, checkpoint, output_dir, **values):
    """The same from a checkpoint, which has the codecs, the tokenizer and the sizes."""
    flags = flags_of(folders, output_dir, **values)
    first = len([*folders, *test_train_nuwa.SIZES])
    tokens = folders[folders.index("--tokens") :]
    return ["--checkpoint", str(checkpoint), *tokens, *flags[first:]]


def fsdp_environment():
    """What `accelerate launch --config_file fsdp_cpu_4.yaml` tells each process about FSDP."""
    arguments = launch_command_parser().parse_args(["--config_file", str(CONFIG), "train.py"])
    arguments, _, _ = _validate_launch_command(arguments)
    environment = prepare_multi_gpu_env(arguments)
    return {name: value for name, value in environment.items() if name.startswith(("ACCELERATE_", "FSDP_"))}


def train_sharded(processes, flags, number, kill_after=None):
    """The exit codes of a run in several processes, of which the first may die after a step."""
    started = start_processes(processes, train, flags, kill_after, number=number, **fsdp_environment())
    if kill_after is not None:
        started[0].join(300)
        for process in started[1:]:
            process.kill()  # they wait for the first
    for process in started:
        process.join(300)
    return [process.exitcode for process in started], "\n".join(process.errors.read_text() for process in started)


def train(flags, kill_after):
    """One of the processes."""
    if kill_after is not None and os.environ["RANK"] == "0":
        kill_after_step(kill_after, None)
    main(flags)


def assert_equal_to_rounding(folder, other, rtol=1e-3, atol=1e-4):
    for line, expected in zip(metrics_of(folder), metrics_of(other), strict=True):
        assert line == pytest.approx(expected, rel=1e-4)
    one, two = (load_file(run / "pipeline" / "transformer" / "model.safetensors") for run in (folder, other))
    assert one.keys() == two.keys()
    for name, weight in one.items():
        # Adam divides by the size of gradients, so that rounding in one of nearly zero is seen in the weight.
        torch.testing.assert_close(weight, two[name], rtol=rtol, atol=atol)


@pytest.mark.processes
def test_a_sharded_run_of_three_processes_killed_and_resumed_by_two_ends_as_that_of_one(folders, processes, tmp_path):
    sharded, plain = tmp_path / "sharded", tmp_path / "plain"
    codes, errors = train_sharded(processes, flags_of(folders, sharded, processes=3), 3, kill_after=3)
    assert codes[0] == -signal.SIGKILL, errors
    assert 0 not in codes, errors  # gloo may end the others before the kill does
    shards = FileSystemReader(sharded / "checkpoint-000002" / SHARDS).read_metadata().state_dict_metadata
    tensors = [entry for entry in shards.values() if hasattr(entry, "chunks")]
    assert max(len(entry.chunks) for entry in tensors) == 3  # each process has written its part, and no part twice
    assert [sum(prod(chunk.sizes) for chunk in one.chunks) for one in tensors] == [prod(one.size) for one in tensors]
    codes, errors = train_sharded(processes, flags_of(folders, sharded, processes=2), 2)
    assert codes == [0, 0], errors
    assert "written by 3 processes and goes on with 2" in errors
    assert "a step has 12 samples as before, so the data's order stays" in errors
    main(flags_of(folders, plain))
    assert_equal_to_rounding(sharded, plain)
    with pytest.raises(ValueError, match="which was written with FSDP; launch the run as before"):
        main(flags_of(folders, sharded, max_train_steps=5))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "more"), [("adamw", ["--gradient_checkpointing", "true"]), ("muon", []), ("adamw", LORA)]
)
def test_what_accelerate_launches_is_that_run_too(folders, tmp_path, optimizer, more):
    plain, sharded, flags_from = tmp_path / "plain", tmp_path / "sharded", partial(flags_of, folders)
    settings = {"optimizer": optimizer, "more": [*more, "--warmup_ratio", "0"], "sample_sheets": True}
    if more is LORA:
        main(flags_of(folders, tmp_path / "base"))
        flags_from = partial(fine_tuning_flags, folders, tmp_path / "base" / "pipeline")
    main(flags_from(plain, **settings))
    for number, steps in ((4, 2), (2, 4)):
        flags = flags_from(sharded, processes=number, max_train_steps=steps, **settings)
        launch = ["--config_file", str(CONFIG), "--num_processes", str(number), "--main_process_port", "0"]
        module = ["-m", "nuwa_hf.training.nuwa.train_nuwa", *flags]
        subprocess.run([sys.executable, "-m", "accelerate.commands.launch", *launch, *module], check=True)
    # Muon orthogonalises in bf16, whose rounding is seen.
    assert_equal_to_rounding(sharded, plain, **({"rtol": 0.02, "atol": 2e-3} if optimizer == "muon" else {}))
