# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights sharded over two processes by torch's `fully_shard`, with gloo on the CPU.

Accelerate's FSDP on the CPU is plain DDP, so this is the part of it that runs without GPUs.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import CODEBOOK_SIZE, MAX_TEXT_LENGTH, SKETCH_CODEBOOK_SIZE, VISUAL_GRID, tiny_transformer
from torch import distributed
from torch.distributed.fsdp import fully_shard
from warm_processes import start_two_processes

from nuwa_hf.training.run.averaged_weights import AveragedWeights, whole_transformer


ROWS, STEPS = 4, 3


def gather_average(model: torch.nn.Module, average: AveragedWeights) -> dict[str, torch.Tensor]:
    """The averaged weights, whole, in every process."""
    with average.in_place():
        return {name: weight.detach().clone() for name, weight in whole_transformer(model).state_dict().items()}


def batches_of(step: int, rows: slice) -> list[dict[str, torch.Tensor]]:
    """What three tasks give the model: text to video, sketch to video, prediction after the first frame."""
    generator = torch.Generator().manual_seed(step)
    text = torch.randint(5, 100, (ROWS, MAX_TEXT_LENGTH), generator=generator)
    clips = torch.randint(0, CODEBOOK_SIZE, (ROWS, *VISUAL_GRID), generator=generator)
    sketches = torch.randint(0, SKETCH_CODEBOOK_SIZE, (ROWS, *VISUAL_GRID), generator=generator)
    known = torch.zeros(ROWS, *VISUAL_GRID, dtype=torch.bool)
    known[:, 0] = True
    batches = [
        {"input_ids": text, "labels": clips},
        {"input_ids": text, "labels": clips, "sketch_tokens": sketches},
        {"input_ids": text, "visual_tokens": clips, "labels": clips.masked_fill(known, -100), "known_mask": known},
    ]
    return [{name: tensor[rows] for name, tensor in batch.items()} for batch in batches]


def train(model: torch.nn.Module, rows: slice) -> tuple[list[torch.Tensor], AveragedWeights]:
    """A few steps, each of three forward passes and one backward pass; the losses and the averaged weights."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    average = AveragedWeights(model.parameters(), decay=0.5)
    losses = []
    for step in range(STEPS):
        loss = sum(model(**batch).loss for batch in batches_of(step, rows)) / 3
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        average.step(model.parameters())
        losses.append(loss.detach())
    return losses, average


def shard(model: torch.nn.Module) -> torch.nn.Module:
    """Each layer by itself, as `_no_split_modules` names them, and the rest of the model."""
    mesh = distributed.init_device_mesh("cpu", (2,))
    for module in model.modules():
        if type(module).__name__ in model._no_split_modules:
            fully_shard(module, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def train_sharded(folder: Path) -> None:
    """One of the two processes."""
    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    model = shard(tiny_transformer().train())
    losses, average = train(model, slice(rank * ROWS // 2, (rank + 1) * ROWS // 2))
    losses = torch.stack(losses)
    distributed.all_reduce(losses)
    averaged = gather_average(model, average)
    resumed = AveragedWeights(model.parameters(), decay=0.9)
    resumed.load_state_dict(average.state_dict())
    assert resumed.decay == 0.5
    assert all(torch.equal(averaged[name], weight) for name, weight in gather_average(model, resumed).items())
    held = sum(parameter.to_local().numel() for parameter in model.parameters())
    whole = {name: parameter.full_tensor().detach() for name, parameter in model.named_parameters()}
    (folder / f"{rank}.json").write_text(json.dumps({"losses": (losses / 2).tolist(), "held": held}))
    if rank == 0:
        save_file(whole, folder / "weights.safetensors")
        save_file(averaged, folder / "averaged.safetensors")
    distributed.destroy_process_group()


def test_two_processes_that_share_the_weights_are_one_with_the_same_global_batch(processes, tmp_path):
    both = start_two_processes(processes, train_sharded, tmp_path)
    for process in both:
        process.join(600)
    assert [process.exitcode for process in both] == [0, 0], [process.errors.read_text() for process in both]
    model = tiny_transformer().train()
    losses, average = train(model, slice(None))
    found = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert found[0]["losses"] == pytest.approx([loss.item() for loss in losses], rel=1e-5)
    numbers = sum(parameter.numel() for parameter in model.parameters())
    assert sum(one["held"] for one in found) == numbers
    assert max(one["held"] for one in found) < 0.6 * numbers
    expected = {"weights": dict(model.named_parameters()), "averaged": gather_average(model, average)}
    for file, tensors in expected.items():
        for name, weight in load_file(tmp_path / f"{file}.safetensors").items():
            # Adam divides by the size of gradients, so that rounding in one of nearly zero is seen in the weight.
            torch.testing.assert_close(weight, tensors[name].detach(), rtol=1e-3, atol=1e-4)
