# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import os
import random
import resource
import shutil
import signal
import sys
from dataclasses import fields
from datetime import timedelta
from itertools import chain, count

import numpy as np
import pytest
import torch
from tiny import tiny_vqgan

from nuwa_hf.modeling.codec.digest import codec_digest
from nuwa_hf.training.nuwa.nuwa_arguments import NuwaArguments
from nuwa_hf.training.run import run_setup
from nuwa_hf.training.run.finite_updates import StepNotTaken
from nuwa_hf.training.run.metrics_file import MetricsFile
from nuwa_hf.training.run.run_arguments import RunArguments
from nuwa_hf.training.run.run_checkpoints import SIZES_FILE, complete_checkpoints, newest_checkpoint, write_file_sizes
from nuwa_hf.training.run.run_setup import LONGEST_WAIT, build_accelerator, build_scheduler
from nuwa_hf.training.run.run_state import SKIPS_IN_A_ROW, GeneratorState, RunState
from nuwa_hf.training.run.saved_arguments import ARGUMENTS_FILE, MAY_CHANGE
from nuwa_hf.training.run.saved_data import DATA_FILE, START_CODEC
from nuwa_hf.training.run.step_batch_sampler import StepBatchSampler
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


def arguments(folder, **overrides) -> RunArguments:
    return RunArguments(**{"output_dir": str(folder), "device": "cpu", "max_train_steps": 8, **overrides})


class Run:
    """A linear model on noise from every source of random numbers."""

    def __init__(self, folder, data=None, **overrides):
        self.arguments = arguments(folder, **overrides)
        self.accelerator = build_accelerator(self.arguments)
        self.state = RunState(self.arguments, self.accelerator, data)
        self.generator = torch.Generator().manual_seed(3)
        model = torch.nn.Linear(6, 6)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        self.scheduler = build_scheduler(self.arguments, optimizer)
        self.state.register(self.scheduler, GeneratorState(self.generator))
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)

    def train(self, steps: int) -> "Run":
        for _ in range(steps):
            noise = torch.randn(6) * random.random() * np.random.rand() + torch.randn(6, generator=self.generator)
            self.accelerator.backward(self.model(noise).square().sum())
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.scheduler.step()
            self.state.step += 1
        return self

    def weights(self) -> torch.Tensor:
        return torch.cat([parameter.detach().flatten() for parameter in self.model.parameters()])


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_run_on_cpus_keeps_freed_memory_whether_it_asked_for_them_or_found_nothing_else(
    tmp_path, monkeypatch, device
):
    """By default, `auto`, training on a CPU was as slow as glibc makes it."""
    kept = []
    monkeypatch.setattr(run_setup, "keep_freed_memory", lambda: kept.append("kept"))
    accelerator = build_accelerator(arguments(tmp_path, device=device))
    assert kept == ["kept"] * (accelerator.device.type == "cpu")


def test_the_passes_of_a_step_are_those_of_the_arguments_whatever_a_launcher_says(tmp_path, monkeypatch):
    """Accelerate divides each loss by the passes that the environment names, and the step does so by itself."""
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    accelerator = build_accelerator(arguments(tmp_path, gradient_accumulation_steps=2))
    weight = torch.nn.Parameter(torch.ones(()))
    accelerator.backward(3 * weight)
    assert weight.grad == 3


def test_resumed_run_is_bit_equal_to_an_uninterrupted_one(tmp_path):
    expected = Run(tmp_path / "whole").train(8).weights()
    Run(tmp_path / "parts").train(5).state.save()
    again = Run(tmp_path / "parts")
    assert again.state.resume() == tmp_path / "parts" / "checkpoint-000005"
    assert again.state.step == 5
    assert torch.equal(again.train(3).weights(), expected)


def test_a_run_that_is_made_longer_takes_the_rate_of_its_new_schedule_at_once(tmp_path):
    """Its first step had the rate of the old one, at whose end it is 0."""
    Run(tmp_path / "short", max_train_steps=4).train(4).state.save()
    longer, whole = (Run(tmp_path / name, max_train_steps=8) for name in ("short", "whole"))
    longer.state.resume()
    whole.train(4)
    rates = [(run.optimizer.param_groups[0]["lr"], run.scheduler.get_last_lr()) for run in (longer, whole)]
    assert rates[0] == rates[1]
    assert rates[0][0] > 0


def test_step_is_compared_as_a_number(tmp_path):
    for name in ("checkpoint-999999", "checkpoint-1000000"):
        (tmp_path / name).mkdir()
    assert newest_checkpoint(tmp_path).name == "checkpoint-1000000"


def test_only_the_newest_checkpoints_are_kept_and_the_newest_is_found(tmp_path):
    run = Run(tmp_path, checkpoints_total_limit=2)
    for _ in range(4):
        run.train(1).state.save()
    assert [path.name for path in complete_checkpoints(tmp_path)] == ["checkpoint-000003", "checkpoint-000004"]
    assert newest_checkpoint(tmp_path).name == "checkpoint-000004"


def test_checkpoint_without_its_final_name_is_not_found(tmp_path):
    (tmp_path / ".checkpoint-000009.incomplete").mkdir()
    (tmp_path / "checkpoint-000009.backup").mkdir()
    assert newest_checkpoint(tmp_path) is None
    assert Run(tmp_path).state.resume() is None


FILE_EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}


def save_in_a_process_killed_at(run, event_number) -> bool:
    """Saves in a copy of this process that is killed before its n-th action on a file; whether it was finished."""
    child = os.fork()
    if child == 0:
        actions = count(1)

        def kill_at_the_nth(event, _):
            if event in FILE_EVENTS and next(actions) == event_number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill_at_the_nth)
        run.state.save()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.processes
def test_a_kill_before_any_action_on_a_file_leaves_whole_checkpoints_and_a_run_that_goes_on(tmp_path):
    run = Run(tmp_path / "first", checkpoints_total_limit=1).train(1)
    whole = sorted(path.name for path in run.state.save().iterdir())
    weights = {1: run.weights(), 2: run.train(1).weights()}
    steps, is_finished = [], False
    while not is_finished:
        folder = tmp_path / f"killed-{len(steps)}"
        shutil.copytree(tmp_path / "first", folder)
        run.state.output_dir = folder
        is_finished = save_in_a_process_killed_at(run, len(steps) + 1)
        for checkpoint in complete_checkpoints(folder):
            assert sorted(path.name for path in checkpoint.iterdir()) == whole
        again = Run(folder)
        again.state.resume()
        assert torch.equal(again.weights(), weights[again.state.step])
        assert {path.name for path in folder.iterdir()} == {path.name for path in complete_checkpoints(folder)}
        steps.append(again.state.step)
    assert steps == sorted(steps)
    assert steps.count(1) > 10
    assert steps.count(2) > 3


class MakesFolder:
    """What, unpickled, makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("file", ["registered_0.pt", "registered_2.pt", "optimizer.bin", "random_states_0.pkl"])
def test_checkpoint_that_would_run_code_is_set_aside_and_the_one_before_is_taken(tmp_path, caplog, file):
    run, harm = Run(tmp_path / "run"), tmp_path / "harm"
    first = run.train(1).state.save()
    hostile = run.train(1).state.save() / file
    state = torch.load(hostile, weights_only=False)
    torch.save({**state, "more": MakesFolder(harm)}, hostile)
    write_file_sizes(hostile.parent)
    assert Run(tmp_path / "run").state.resume() == first
    assert "Weights only load failed" in caplog.text
    assert not harm.exists()


EDITS = [
    ("registered_0.pt", lambda state: {**state, "step": 7}, "registered_0.pt is of step 7"),
    ("registered_0.pt", lambda state: [], "holds [], which is nothing like {'step': 0"),
    ("registered_1.pt", lambda state: {**state, "base_lrs": ["x"]}, "['base_lrs'][0] holds 'x'"),
    ("registered_1.pt", lambda state: {**state, "_last_lr": [float("nan")]}, "['_last_lr'][0] holds nan"),
    ("registered_2.pt", lambda state: {"state": torch.zeros(3)}, "['state'] holds tensor([0., 0., 0.])"),
    ("optimizer.bin", lambda state: {**state, "state": [1]}, "AttributeError"),
    ("optimizer.bin", lambda state: {"state": state["state"], "param_groups": []}, "ValueError"),
    ("optimizer.bin", lambda state: state["param_groups"][0].update(lr="x") or state, "['lr'] holds 'x'"),
    ("optimizer.bin", lambda state: state["state"][0].update(exp_avg=torch.ones(9)) or state, "'exp_avg' of a weight"),
    ("random_states_0.pkl", lambda state: {**state, "random_state": (3, (1, 2), None)}, "ValueError"),
    ("random_states_0.pkl", lambda state: {}, "KeyError: 'random_state'"),
]


@pytest.mark.parametrize(("file", "edit", "said"), EDITS)
def test_states_that_fail_later_or_that_nobody_would_miss_are_damage_too(tmp_path, caplog, file, edit, said):
    run = Run(tmp_path)
    first = run.train(1).state.save()
    edited = run.train(1).state.save() / file
    torch.save(edit(torch.load(edited, weights_only=False)), edited)
    write_file_sizes(edited.parent)
    assert Run(tmp_path).state.resume() == first
    assert said in caplog.text


@pytest.mark.parametrize("text", ["[1]", '{"seed": 1, "seed": 0}', "[" * 10**5, "/dev/zero"])
def test_arguments_that_are_no_plain_file_of_names_are_damage(tmp_path, text):
    file = Run(tmp_path).train(1).state.save() / ARGUMENTS_FILE
    file.unlink()
    if text == "/dev/zero":
        file.symlink_to(text)  # which is read without end
    else:
        file.write_text(text)
    with pytest.raises(OSError, match=f"damaged ones only.*{ARGUMENTS_FILE}"):
        Run(tmp_path).state.resume()


def test_links_among_checkpoints_are_followed_by_readers_and_never_by_what_deletes(tmp_path):
    run, elsewhere = Run(tmp_path / "run", checkpoints_total_limit=1), tmp_path / "elsewhere"
    run.train(1).state.save().rename(elsewhere)
    for name in ("checkpoint-000001", ".checkpoint-000009.incomplete"):
        (tmp_path / "run" / name).symlink_to(elsewhere)
    again = Run(tmp_path / "run", checkpoints_total_limit=1)
    assert again.state.resume().name == "checkpoint-000001"
    again.train(1).state.save()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint-000002"]
    assert (elsewhere / "model.safetensors").exists()


def test_lines_of_metrics_that_are_none_of_ours_are_dropped(tmp_path):
    metrics = MetricsFile(tmp_path)
    metrics.append(1, {"loss": 0.5})
    with metrics.path.open("a") as file:
        file.write('[]\n{"step": "x"}\n{"step": [1]}\n{}\n{"step": 2, "lo')
    metrics.forget_after(1)
    assert metrics.path.read_text() == '{"step": 1, "loss": 0.5}\n'


def test_full_disk_leaves_the_last_good_checkpoint_and_the_run_goes_on(tmp_path, caplog):
    run = Run(tmp_path)
    assert run.train(2).state.save() is not None
    expected = run.weights()
    run.train(1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))  # writes beyond fail as on a full disk
    try:
        assert run.state.save() is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "could not be written" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-000002"]
    again = Run(tmp_path)
    again.state.resume()
    assert torch.equal(again.weights(), expected)
    assert run.train(1).state.save() is not None


def damage_file(checkpoint, name, how):
    path = checkpoint / name
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("how", ["missing", "cut"])
@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.bin", "random_states_0.pkl", ARGUMENTS_FILE, DATA_FILE]
)
def test_a_damaged_newest_checkpoint_is_named_and_set_aside_and_the_one_before_goes_on(tmp_path, caplog, name, how):
    run = Run(tmp_path).train(1)
    run.state.save()
    expected = run.weights()
    damage_file(run.train(1).state.save(), name, how)
    again = Run(tmp_path)
    assert again.state.resume() == tmp_path / "checkpoint-000001"
    assert torch.equal(again.weights(), expected)
    assert f"checkpoint-000002 is damaged ({name}" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-000001", "checkpoint-000002.damaged"]


def test_a_checkpoint_that_does_not_load_is_damaged_too_and_alone_it_is_an_error_that_says_what_to_do(tmp_path):
    checkpoint = Run(tmp_path).train(1).state.save()
    (checkpoint / SIZES_FILE).unlink()  # as before sizes were kept
    damage_file(checkpoint, "model.safetensors", "cut")
    with pytest.raises(OSError, match=r"checkpoint-000001 \(SafetensorError.*delete what is damaged"):
        Run(tmp_path).state.resume()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-000001"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_checkpoint_of_weights_that_are_not_finite_is_never_written(tmp_path, value):
    run = Run(tmp_path).train(1)
    run.state.watch(run.model)
    run.state.save()
    with torch.no_grad():
        run.model.weight[2, 3] = value
    run.state.step = 2
    with pytest.raises(FloatingPointError, match=r"step 2: the weight `weight` holds 1 of 36.*checkpoint-000001"):
        run.state.save()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-000001"]
    with pytest.raises(FloatingPointError, match=r"step 3: `loss` is nan, and the weight `weight` holds 1 of 36"):
        run.state.skip_or_stop(StepNotTaken("`loss` is nan"))  # which no skipped step can mend


def test_skipped_steps_are_counted_across_a_resume_and_too_many_in_a_row_stop_the_run(tmp_path, caplog):
    run, bad = Run(tmp_path, non_finite="skip"), StepNotTaken("`loss` is nan")
    run.state.watch(run.model)
    for number in range(SKIPS_IN_A_ROW - 1):
        run.state.skip_or_stop(bad)
        run.state.step += 1
        assert f"Step {number + 1} is skipped: `loss` is nan, and all weights are finite" in caplog.text
    run.train(1).state.save()
    again = Run(tmp_path, non_finite="skip")
    again.state.resume()
    for _ in range(SKIPS_IN_A_ROW - 1):
        again.state.skip_or_stop(bad)
        again.state.step += 1
    again.state.log({})
    assert f'"skipped_steps": {2 * (SKIPS_IN_A_ROW - 1)}' in (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(FloatingPointError, match=f"after {SKIPS_IN_A_ROW} such steps in a row"):
        again.state.skip_or_stop(bad)


def test_gradients_that_overflow_in_fp16_alone_never_stop_a_run(tmp_path):
    run = Run(tmp_path, non_finite="stop")
    run.state.skip_or_stop(StepNotTaken("the gradient of `weight` holds 1 value", is_overflow=True))
    with pytest.raises(FloatingPointError, match="step 1: `loss` is nan, and all weights are finite; there is no ch"):
        run.state.skip_or_stop(StepNotTaken("`loss` is nan"))


def test_ctrl_c_is_answered_with_how_to_go_on(tmp_path):
    run = Run(tmp_path).train(1)
    for answer in ("starts anew", "goes on from .*checkpoint-000001"):
        with pytest.raises(KeyboardInterrupt, match=answer), run.state.resumable():
            raise KeyboardInterrupt
        run.state.save()


def test_resume_off_never_mixes_two_runs(tmp_path):
    Run(tmp_path).train(1).state.save()
    with pytest.raises(ValueError, match=r"`output_dir`.*checkpoint-000001"):
        Run(tmp_path, resume=False).state.resume()


def test_a_checkpoint_of_other_arguments_is_refused_and_all_that_differ_are_named(tmp_path):
    Run(tmp_path, learning_rate=1e-3).train(1).state.save()
    with pytest.raises(ValueError, match=r"checkpoint-000001 differs in `seed` \(was 0, is 7\), `learning_rate`"):
        Run(tmp_path, seed=7, learning_rate=1e-2).state.resume()


def test_a_checkpoint_of_other_data_is_refused_and_what_one_of_both_does_not_say_is_not_compared(tmp_path):
    data = {"digest": "one", "num_clips": 8, "seldom": None}
    checkpoint = Run(tmp_path, data).train(1).state.save()
    for same in (data, None, {"num_clips": 8, "new": "two"}, {**data, "digest": None}, {**data, "seldom": "now"}):
        assert Run(tmp_path, same).state.resume() == checkpoint
    other = {**data, "digest": "two", "num_clips": 9}
    named = r"learnt from other data: digest \(was 'one', is 'two'\), num_clips \(was 8, is 9\); choose another folder"
    with pytest.raises(ValueError, match=named):
        Run(tmp_path, other).state.resume()
    assert complete_checkpoints(tmp_path) == [checkpoint]
    (checkpoint / DATA_FILE).write_text(json.dumps({**other, "digest": None}))  # as the message says
    assert Run(tmp_path, other).state.resume() == checkpoint


def test_a_codec_to_start_from_is_the_same_up_to_rounding(tmp_path):
    codec = tiny_vqgan()
    checkpoint = Run(tmp_path, {START_CODEC: codec_digest(codec)}).train(1).state.save()
    assert Run(tmp_path, {START_CODEC: codec_digest(codec.bfloat16())}).state.resume() == checkpoint
    with torch.no_grad():
        codec.quantize.embedding.weight.mul_(2)
    with pytest.raises(ValueError, match=f"learnt from other data: {START_CODEC}"):
        Run(tmp_path, {START_CODEC: codec_digest(codec)}).state.resume()


def test_what_does_not_shape_the_weights_may_change(tmp_path):
    Run(tmp_path).train(1).state.save()
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    changes = {"max_train_steps": 20, "log_every": 7, "checkpointing_steps": 9, "device": "auto", "sample_every": 3}
    again = Run(moved, **changes)
    again.state.resume()
    assert again.state.step == 1


def test_a_checkpoint_from_before_arguments_data_and_sizes_were_kept_is_resumed(tmp_path):
    run = Run(tmp_path).train(2)
    checkpoint = run.state.save()
    for name in (ARGUMENTS_FILE, DATA_FILE, SIZES_FILE):
        (checkpoint / name).unlink()
    again = Run(tmp_path, {"num_clips": 3}, seed=7)
    again.state.resume()
    assert torch.equal(again.weights(), run.weights())


def test_an_argument_that_a_checkpoint_does_not_know_was_at_its_default(tmp_path):
    path = Run(tmp_path).train(1).state.save() / ARGUMENTS_FILE
    saved = json.loads(path.read_text())
    del saved["warmup_ratio"]
    path.write_text(json.dumps({**saved, "no_longer_there": 3}))
    Run(tmp_path).state.resume()
    with pytest.raises(ValueError, match=r"`warmup_ratio` \(was 0.05, is 0.5\)"):
        Run(tmp_path, warmup_ratio=0.5).state.resume()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train_batch_size": 32}, "a step has 32 samples as before, so the data's order stays"),
        ({"gradient_accumulation_steps": 2}, "a pass over all processes had 32 rows and has 16 now"),
        ({}, "a step had 32 samples and has 16 now, so the data's order changes"),
    ],
)
def test_another_number_of_processes_goes_on_and_says_what_changes(tmp_path, caplog, changes, sentence):
    run = Run(tmp_path).train(3)
    checkpoint = run.state.save()
    # What two processes write: each its random states, and a step of twice the samples.
    shutil.copy(checkpoint / "random_states_0.pkl", checkpoint / "random_states_1.pkl")
    torch.save({"step": 3, "skipped_steps": 0, "global_batch_size": 32}, checkpoint / "registered_0.pt")
    draws = []
    for _ in range(2):
        caplog.clear()
        again = Run(tmp_path, **changes)
        again.state.resume()
        assert torch.equal(again.weights(), run.weights())
        assert next(iter(again.state.batch_sampler()))[0] == 3 * again.state.global_batch_size
        assert "written by 2 processes and goes on with 1" in caplog.text
        assert sentence in caplog.text
        draws.append(torch.rand(3))
    assert torch.equal(*draws)


def test_metrics_of_a_run_killed_before_its_first_checkpoint_are_forgotten(tmp_path):
    Run(tmp_path).train(1).state.log({"loss": 1.0})
    Run(tmp_path).state.resume()
    assert (tmp_path / "metrics.jsonl").read_text() == ""


def test_metrics_of_a_killed_run_beyond_its_checkpoint_are_forgotten(tmp_path):
    run = Run(tmp_path)
    for step in (1, 2, 3):
        run.train(1).state.log({"loss": 1.0 / step})
        if step == 2:
            run.state.save()
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 4, "lo')
    Run(tmp_path).state.resume()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 1, "loss": 1.0},
        {"step": 2, "loss": 0.5},
    ]


@pytest.mark.parametrize("num_processes", [1, 2, 4])
def test_samples_of_a_step_do_not_depend_on_how_many_processes_share_them(tmp_path, num_processes):
    settings = arguments(tmp_path, train_batch_size=8 // num_processes, gradient_accumulation_steps=3)
    samplers = [
        StepBatchSampler(settings, first_step=2, process_index=index, num_processes=num_processes)
        for index in range(num_processes)
    ]
    passes = [sorted(chain(*batches)) for batches in zip(*samplers, strict=True)]
    assert len(passes) == len(samplers[0]) == 6 * 3
    assert list(chain(*passes)) == list(range(2 * 24, 8 * 24))


def test_processes_wait_for_what_the_main_process_does_alone(tmp_path):
    """Writing, pushing and drawing may take longer than the 10 minutes after which NCCL ends a run."""
    handler = Run(tmp_path).accelerator.init_handler
    assert handler.to_kwargs() == {"timeout": LONGEST_WAIT}  # of the process group, whatever its backend
    assert timedelta(hours=1) < LONGEST_WAIT


def test_learning_rate_rises_and_falls_along_its_cosine(tmp_path):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build_scheduler(arguments(tmp_path, max_train_steps=100, warmup_ratio=0.1), optimizer)
    rates = []
    for _ in range(100):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert rates[0] == 0
    assert rates[10] == max(rates) == 1
    assert rates[55] == pytest.approx(0.5)
    assert scheduler.get_last_lr()[0] == pytest.approx(0, abs=1e-9)


def test_what_may_change_are_arguments_of_a_training():
    names = {entry.name for cls in (NuwaArguments, VQGANArguments) for entry in fields(cls)}
    assert names >= MAY_CHANGE
