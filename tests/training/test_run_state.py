# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import random
import resource
from itertools import chain

import numpy as np
import pytest
import torch

from nuwa_hf.training.arguments import RunArguments
from nuwa_hf.training.checkpoint_folders import complete_checkpoints, newest_checkpoint
from nuwa_hf.training.run_state import (
    GeneratorState,
    RunState,
    StepBatchSampler,
    build_accelerator,
    build_scheduler,
)


def arguments(folder, **overrides) -> RunArguments:
    return RunArguments(**{"output_dir": str(folder), "device": "cpu", "max_train_steps": 8, **overrides})


class Run:
    """A linear model on noise from every source of random numbers."""

    def __init__(self, folder, **overrides):
        self.arguments = arguments(folder, **overrides)
        self.accelerator = build_accelerator(self.arguments)
        self.state = RunState(self.arguments, self.accelerator)
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


def test_resumed_run_is_bit_equal_to_an_uninterrupted_one(tmp_path):
    expected = Run(tmp_path / "whole").train(8).weights()
    Run(tmp_path / "parts").train(5).state.save()
    again = Run(tmp_path / "parts")
    assert again.state.resume() == tmp_path / "parts" / "checkpoint-000005"
    assert again.state.step == 5
    assert torch.equal(again.train(3).weights(), expected)


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


def test_resume_off_never_mixes_two_runs(tmp_path):
    Run(tmp_path).train(1).state.save()
    with pytest.raises(ValueError, match=r"`output_dir`.*checkpoint-000001"):
        Run(tmp_path, resume=False).state.resume()


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
