# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`transformers.Trainer` on the model: in one process, in two, saved, loaded and resumed."""

import gc
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import CODEBOOK_SIZE, MAX_TEXT_LENGTH, VISUAL_GRID, tiny_transformer
from torch import distributed
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments
from warm_processes import start_processes

from nuwa_hf import NuwaForConditionalGeneration
from nuwa_hf.training.nuwa.build_transformer import freeze_unused


GLOBAL_BATCH = 4


class Clips(Dataset):
    """Rows as the model's arguments name them, without the batch axis; the default collator stacks them."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        length = 3 + index % 5
        clip = torch.randint(0, CODEBOOK_SIZE, VISUAL_GRID, generator=generator)
        return {
            "input_ids": torch.randint(5, 100, (MAX_TEXT_LENGTH,), generator=generator),
            "attention_mask": (torch.arange(MAX_TEXT_LENGTH) < length).long(),
            "visual_tokens": clip,
            "labels": clip,
        }


def build_trainer(folder, num_processes: int = 1, **overrides) -> Trainer:
    settings = {
        "output_dir": str(folder),
        "per_device_train_batch_size": GLOBAL_BATCH // num_processes,
        "max_steps": 4,
        "save_steps": 2,
        "logging_steps": 1,
        "learning_rate": 1e-2,
        "use_cpu": True,
        "report_to": "none",
        "disable_tqdm": True,
        **overrides,
    }
    return Trainer(model=tiny_transformer(), args=TrainingArguments(**settings), train_dataset=Clips())


def losses_of(trainer: Trainer) -> list[float]:
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    """Folder and losses of four steps in this process."""
    folder = tmp_path_factory.mktemp("trainer")
    trainer = build_trainer(folder)
    trainer.train()
    trainer.save_model(str(folder / "final"))
    return folder, losses_of(trainer)


def test_the_loss_falls_and_the_saved_model_is_the_trained_one(one_process):
    folder, losses = one_process
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    model = NuwaForConditionalGeneration.from_pretrained(folder / "final")
    row = {name: value[None] for name, value in Clips()[0].items()}
    trained = weights_of(folder / "checkpoint-4")
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in trained.items())
    assert model(**row).loss < tiny_transformer()(**row).loss


def test_a_resumed_trainer_is_bit_equal_to_an_uninterrupted_one(one_process, tmp_path):
    folder, losses = one_process
    trainer = build_trainer(tmp_path)
    trainer.train(resume_from_checkpoint=str(folder / "checkpoint-2"))
    assert losses_of(trainer) == losses
    weights, expected = weights_of(tmp_path / "checkpoint-4"), weights_of(folder / "checkpoint-4")
    assert all(torch.equal(weights[name], weight) for name, weight in expected.items())


def test_accumulated_passes_are_one_larger_batch(one_process, tmp_path):
    """Where a model takes `**kwargs`, Trainer leaves the division by the number of passes to it."""
    folder, losses = one_process
    trainer = build_trainer(tmp_path, num_processes=2, gradient_accumulation_steps=2)
    trainer.train()
    assert losses_of(trainer) == pytest.approx(losses, abs=2e-4)
    assert_close(weights_of(tmp_path / "checkpoint-4"), weights_of(folder / "checkpoint-4"))


@pytest.mark.processes
@pytest.mark.parametrize("activation_checkpointing", [False, True])
def test_two_processes_are_one_with_the_same_global_batch(one_process, processes, tmp_path, activation_checkpointing):
    """With activation checkpointing, Trainer lets DDP wait for the gradient of every weight that is not frozen."""
    folder, losses = one_process
    both = start_processes(processes, train, tmp_path, activation_checkpointing)
    for process in both:
        process.join(600)
    assert [process.exitcode for process in both] == [0, 0], [process.errors.read_text() for process in both]
    assert json.loads((tmp_path / "losses.json").read_text()) == pytest.approx(losses, abs=2e-4)
    assert_close(weights_of(tmp_path / "checkpoint-4"), weights_of(folder / "checkpoint-4"))


def test_evaluation_gives_the_mean_loss_of_the_rows(one_process, tmp_path):
    trainer = build_trainer(tmp_path)
    rows = [{name: value[None] for name, value in Clips()[index].items()} for index in range(len(Clips()))]
    model = tiny_transformer()
    expected = sum(model(**row).loss.item() for row in rows) / len(rows)
    assert trainer.evaluate(Clips())["eval_loss"] == pytest.approx(expected, rel=1e-5)


def assert_close(weights: dict, expected: dict) -> None:
    assert weights.keys() == expected.keys()
    for name, weight in expected.items():
        # Adam divides by the size of gradients, so that rounding in one of nearly zero is seen in the weight.
        torch.testing.assert_close(weights[name], weight, rtol=1e-3, atol=1e-4)


def train(folder: Path, activation_checkpointing: bool) -> None:
    """One of the two processes."""
    settings = {"ddp_backend": "gloo", "activation_checkpointing": activation_checkpointing}
    trainer = build_trainer(folder, num_processes=2, **settings)
    assert trainer.args.world_size == 2
    if activation_checkpointing:
        freeze_unused(trainer.model, ["T2V"])
    trainer.train()
    if trainer.is_world_process_zero():
        (folder / "losses.json").write_text(json.dumps(losses_of(trainer)))
    # In order: the wrapper of DDP goes before its process group, and nobody leaves while another still talks.
    trainer.accelerator.free_memory()
    del trainer
    gc.collect()
    distributed.barrier()
    distributed.destroy_process_group()
