# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Shards in the checkpoints: weights, two optimisers and averages come back; what fails has a cause."""

import os
import pickle

import pytest
import test_averaged_weights
import torch
from accelerate import Accelerator
from tiny import tiny_transformer
from torch.distributed.fsdp import fully_shard

from nuwa_hf.training.nuwa.fine_tuning import freeze_encoder
from nuwa_hf.training.nuwa.optimizers import build_optimizers
from nuwa_hf.training.run.averaged_weights import AveragedWeights, whole
from nuwa_hf.training.run.sharded_checkpoints import INDEX_FILE, SHARDS, check_index, checkpoint_shards


mesh = test_averaged_weights.mesh
RATES = {"learning_rate": 1e-2, "muon_learning_rate": 1e-2, "betas": (0.9, 0.95), "weight_decay": 0.1}


def build(mesh):
    """What is learnt, the accelerator that keeps it, and a step of the training."""
    model = tiny_transformer()
    freeze_encoder(model)
    fully_shard(model, mesh=mesh)
    accelerator, optimizers = Accelerator(cpu=True), build_optimizers(model, "muon", **RATES)
    average = AveragedWeights(model, decay=0.9)
    checkpoint_shards(accelerator, model, optimizers, average)

    def step(seed):
        generator = torch.Generator().manual_seed(seed)
        for weight in average.learnt:
            weight.grad = torch.zeros_like(weight)
            weight.grad.to_local().normal_(generator=generator)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        average.update()

    return accelerator, step, lambda: [whole(one).clone() for one in (*average.learnt, *average.shadow_params)]


def test_a_run_goes_on_from_its_shards_as_if_it_had_not_stopped(mesh, tmp_path):
    accelerator, step, numbers = build(mesh)
    for seed in range(2):
        step(seed)
    accelerator.save_state(str(tmp_path))
    step(2)
    expected = numbers()
    again, step, numbers = build(mesh)
    again.load_state(str(tmp_path))
    step(2)
    assert all(torch.equal(one, other) for one, other in zip(numbers(), expected, strict=True))


def test_shards_that_cannot_be_written_or_read_are_errors_that_a_run_survives(mesh, tmp_path):
    accelerator, _, _ = build(mesh)
    (tmp_path / SHARDS).write_text("a file where the folder should be")
    with pytest.raises(OSError, match="Exists"):
        accelerator.save_state(str(tmp_path))
    (tmp_path / SHARDS).unlink()
    accelerator.save_state(str(tmp_path))
    (part,) = (tmp_path / SHARDS).glob("*.distcp")
    part.unlink()
    with pytest.raises(OSError, match=f"process 0: FileNotFoundError.*{part.name}"):
        accelerator.load_state(str(tmp_path))


class MakesFolder:
    """What, unpickled, makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_an_index_that_would_run_code_is_refused(mesh, tmp_path):
    accelerator, _, _ = build(mesh)
    accelerator.save_state(str(tmp_path))
    index = tmp_path / SHARDS / INDEX_FILE
    check_index(index.parent)
    index.write_bytes(
        pickle.dumps({**pickle.loads(index.read_bytes()).__dict__, "more": MakesFolder(tmp_path / "harm")})
    )
    with pytest.raises(pickle.UnpicklingError, match=r"asks for posix\.mkdir, which none needs"):
        accelerator.load_state(str(tmp_path))
    assert not (tmp_path / "harm").exists()


def test_a_value_among_the_shards_that_would_run_code_is_refused(mesh, tmp_path, monkeypatch):
    accelerator, _, _ = build(mesh)
    state_dict = AveragedWeights.state_dict
    with monkeypatch.context() as patch:
        patch.setattr(AveragedWeights, "state_dict", lambda self: {**state_dict(self), "decay": MakesFolder(harm)})
        harm = tmp_path / "harm"
        accelerator.save_state(str(tmp_path / "state"))
    with pytest.raises(OSError, match=r"UnpicklingError: Weights only load failed"):
        accelerator.load_state(str(tmp_path / "state"))
    assert not harm.exists()
