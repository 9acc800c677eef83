# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training of the transformer in two processes, with gloo on the CPU: the same run as in one, and killed for real."""

import json
import os
import shutil
import signal
import socket
import sys

import pytest
import test_train_nuwa
import torch
from accelerate import Accelerator
from poisoned_gradients import poison_gradients
from safetensors.torch import load_file
from test_nuwa_steps import ROWS, random_tokens
from tiny import tiny_transformer
from warm_processes import start_processes

from nuwa_hf.exit_status import GO_ON, exit_status
from nuwa_hf.training.nuwa.nuwa_steps import validate
from nuwa_hf.training.nuwa.task_batches import TaskBatches
from nuwa_hf.training.nuwa.throughput import Throughput
from nuwa_hf.training.nuwa.train_nuwa import main
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_checkpoints import complete_checkpoints
from nuwa_hf.training.run.run_setup import build_accelerator
from nuwa_hf.training.run.run_state import RunState


folders = test_train_nuwa.folders
run_flags = test_train_nuwa.run_flags

MIX = {"max_train_steps": 4, "checkpointing_steps": 2, "hidden_dropout": 0.0}
# A pass of a process has rows of two of the eight tasks at most, and sketches or known parts are in some passes only.
SHARED = {"train_batch_size": 2, "gradient_accumulation_steps": 3}
ALONE = {"train_batch_size": 12}


def train_in_two_processes(plan):
    """Trains run after run, each in two processes that find each other by the variables that torchrun sets."""
    codes = []
    for run in plan:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free.getsockname()[1]), WORLD_SIZE="2")
        children = [fork_and_train(rank, **run) for rank in ("0", "1")]
        first, status = os.wait()
        (other,) = set(children) - {first}
        if status != 0 and os.waitstatus_to_exitcode(status) != GO_ON:
            os.kill(other, signal.SIGKILL)
        codes.append([os.waitstatus_to_exitcode(one) for one in (status, os.waitpid(other, 0)[1])])
    print("codes:", json.dumps(codes))


def fork_and_train(rank, flags, kill):
    child = os.fork()
    if child != 0:
        return child
    os.environ.update(RANK=rank, LOCAL_RANK=rank)
    try:
        if kill is not None:
            what, step = kill
            {"step": kill_after_step, "checkpoint": kill_in_checkpoint, "told": tell_one, "spoilt": spoil_one}[what](
                step, rank
            )
        os._exit(exit_status(main, flags))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def kill_after_step(last, _):
    """From now on this process dies after that step, as by `kill -9`."""
    log = RunState.log

    def log_and_die(state, values):
        log(state, values)
        if state.step == last:
            os.kill(os.getpid(), signal.SIGKILL)

    RunState.log = log_and_die


def tell_one(last, rank):
    """From now on the second process alone is told to stop, at that step."""
    count = Throughput.count

    def count_and_tell(speed, batches):
        count(speed, batches)
        speed.passes = getattr(speed, "passes", 0) + 1
        if (speed.passes, rank) == (last, "1"):
            signal.raise_signal(signal.SIGUSR1)

    Throughput.count = count_and_tell


def spoil_one(call, rank):
    """From now on the gradients of the second process alone are NaN in that backward pass."""
    if rank == "1":
        poison_gradients(pytest.MonkeyPatch(), call)


def kill_in_checkpoint(step, _):
    """From now on this process dies when it opens the last file of that checkpoint."""
    last_file = f".checkpoint-{step:06d}.incomplete/arguments.json"

    def die(event, arguments):
        if event == "open" and str(arguments[0]).endswith(last_file):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)


@pytest.fixture(scope="module")
def runs(folders, processes, tmp_path_factory):
    """Folder of runs by two processes: `whole`, `killed` (twice, told to stop, and resumed), `mix`, and two in which a
    gradient is not finite, `stopped` and `skipped`.
    """
    folder = tmp_path_factory.mktemp("two")
    killed = run_flags(folders, folder / "killed")
    plan = [
        {"flags": run_flags(folders, folder / "whole"), "kill": None},
        {"flags": killed, "kill": ("step", 5)},
        {"flags": killed, "kill": ("told", 1)},  # step 4, the first after the checkpoint
        {"flags": killed, "kill": ("checkpoint", 6)},
        {"flags": killed, "kill": None},
        {"flags": run_flags(folders, folder / "mix", **MIX, **SHARED), "kill": None},
        *(
            {
                "flags": run_flags(folders, folder / name, **MIX, checkpoints_total_limit=9, non_finite=name[:4]),
                "kill": ("spoilt", 3),
            }
            for name in ("stopped", "skipped")
        ),
    ]
    done = processes.run(train_in_two_processes, plan)
    assert "codes: " in done.stdout, done.stderr
    for run, codes in zip(plan, json.loads(done.stdout.rpartition("codes: ")[2]), strict=True):
        if run["kill"] is None or run["flags"][-1] == "skip":
            assert codes == [0, 0], done.stderr
        elif run["kill"][0] == "spoilt":
            assert codes == [1, 1], done.stderr
            assert "Stopped at step 3: the gradient of `" in done.stderr
        elif run["kill"][0] == "told":
            assert codes == [GO_ON, GO_ON], done.stderr
            assert "stopped after step 4 of 8 (SIGUSR1)" in done.stderr
        else:  # gloo may end the other process before the kill does
            assert -signal.SIGKILL in codes, done.stderr
            assert 0 not in codes, done.stderr
    return folder


def metrics_of(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in Throughput.NAMES} for line in lines]


def weights_of(folder):
    return load_file(folder / "pipeline" / "transformer" / "model.safetensors")


def assert_equal_to_rounding(folder, other):
    for line, expected in zip(metrics_of(folder), metrics_of(other), strict=True):
        assert line == pytest.approx(expected, rel=1e-4)
    for name, weight in weights_of(folder).items():
        torch.testing.assert_close(weight, weights_of(other)[name], rtol=1e-3, atol=1e-5)


@pytest.mark.processes
def test_a_run_killed_at_a_step_and_in_a_checkpoint_and_told_to_stop_ends_as_one_that_was_not(runs):
    assert metrics_of(runs / "killed") == metrics_of(runs / "whole")
    states = [load_file(runs / name / "checkpoint-000008" / "model.safetensors") for name in ("killed", "whole")]
    for one, other in (states, [weights_of(runs / name) for name in ("killed", "whole")]):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.processes
def test_a_gradient_that_is_not_finite_in_one_process_stops_both_or_is_skipped_by_both(runs):
    assert [path.name for path in complete_checkpoints(runs / "stopped")] == ["checkpoint-000002"]
    assert not (runs / "stopped" / "pipeline").exists()
    assert [line.get("skipped_steps") for line in metrics_of(runs / "skipped") if "learning_rate" in line] == [
        *(None, None, 1, 1)
    ]
    assert all(weight.isfinite().all() for weight in weights_of(runs / "skipped").values())


def set_up(output):
    """One of the processes: writes how many the training counts where no device is named."""
    accelerator = build_accelerator(RunArguments(output_dir=str(output / "run")))
    (output / f"{accelerator.process_index}.json").write_text(json.dumps(accelerator.num_processes))
    accelerator.end_training()


@pytest.mark.processes
def test_processes_that_find_no_accelerator_train_together_without_being_told_to_use_the_cpu(processes, tmp_path):
    """Each took itself for the only one."""
    for process in start_processes(processes, set_up, tmp_path, CUDA_VISIBLE_DEVICES=""):
        process.join(300)
        assert process.exitcode == 0, process.errors.read_text()
    assert [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)] == [2, 2]


def validate_and_count(output):
    """One of the processes: writes the validation losses, and how many rows of each task its model has computed."""
    accelerator = Accelerator(cpu=True)
    model, tokens, rows = tiny_transformer(), random_tokens(20), []
    model.register_forward_pre_hook(lambda _, args, kwargs: rows.append(len(kwargs["labels"])), with_kwargs=True)
    values = validate(model, accelerator, tokens, TaskBatches(tokens, model.config, ROWS, 0.5, seed=0))
    (output / f"{accelerator.process_index}.json").write_text(json.dumps([values, sum(rows) / len(ROWS)]))
    accelerator.end_training()


@pytest.mark.processes
def test_two_processes_share_the_clips_of_a_validation_and_both_know_its_losses(processes, tmp_path):
    """Each computed all of them."""
    for process in start_processes(processes, validate_and_count, tmp_path):
        process.join(300)
        assert process.exitcode == 0, process.errors.read_text()
    (first, rows), (second, others) = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert (rows, others) == (10, 10)
    assert first == second
    model, tokens = tiny_transformer(), random_tokens(20)
    batches = TaskBatches(tokens, model.config, ROWS, 0.5, seed=0)
    assert first == pytest.approx(validate(model, Accelerator(cpu=True), tokens, batches), rel=1e-5)


@pytest.mark.processes
def test_each_process_drops_out_places_of_its_own(runs):
    states = [
        torch.load(runs / "whole" / "checkpoint-000008" / f"random_states_{rank}.pkl", weights_only=False)
        for rank in (0, 1)
    ]
    assert not torch.equal(*(state["torch_manual_seed"] for state in states))


@pytest.mark.processes
def test_two_processes_that_lack_tasks_are_one_with_the_whole_batch(runs, folders, tmp_path):
    main(run_flags(folders, tmp_path, **MIX, **ALONE))
    assert_equal_to_rounding(tmp_path, runs / "mix")


@pytest.mark.processes
def test_one_process_goes_on_where_two_stopped(runs, folders, tmp_path, caplog):
    shutil.copytree(runs / "mix" / "checkpoint-000002", tmp_path / "checkpoint-000002")
    lines = (runs / "mix" / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    main(run_flags(folders, tmp_path, **MIX, **ALONE))
    assert "written by 2 processes and goes on with 1" in caplog.text
    assert "a step has 12 samples as before, so the data's order stays" in caplog.text
    assert len(complete_checkpoints(tmp_path)) == 2
    assert_equal_to_rounding(tmp_path, runs / "mix")
