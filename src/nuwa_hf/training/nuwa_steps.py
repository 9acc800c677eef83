# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The transformer's loss over several tasks, one training step, and the validation loss."""

import torch
from accelerate import Accelerator

from nuwa_hf.training.task_batches import TaskBatch, TaskBatches, to_device
from nuwa_hf.training.token_files import TokenFiles


VALIDATION_CLIPS = 128
VALIDATION_BATCH = 16


def tasks_loss(model: torch.nn.Module, batches: dict[str, TaskBatch]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The sum of the tasks' cross-entropies over all counted tokens (NUWA, section "Training").

        loss = sum_task sum_n - log p(y_n | y_(before n), condition) / number of counted tokens of all tasks

    Args:
        model (`torch.nn.Module`): a `NuwaForConditionalGeneration`, wrapped or not.
        batches (`dict[str, TaskBatch]`): task to its batch.

    Returns:
        `tuple[torch.Tensor, dict[str, torch.Tensor]]`: the loss, and each task's mean in nats per token.
    """
    losses, counts = {}, {}
    for task, batch in batches.items():
        losses[task] = model(**vars(batch)).loss
        counts[task] = int((batch.labels != -100).sum())
    total = sum(counts.values())
    return sum(losses[task] * (counts[task] / total) for task in losses), losses


def nuwa_step(
    model: torch.nn.Module,
    optimizers: list[torch.optim.Optimizer],
    accelerator: Accelerator,
    passes: list[dict[str, TaskBatch]],
    max_grad_norm: float,
) -> dict[str, torch.Tensor]:
    """One optimiser step.

    Args:
        model (`torch.nn.Module`): as `Accelerator.prepare` gave it; changed in place.
        optimizers (`list[torch.optim.Optimizer]`): likewise.
        accelerator (`Accelerator`): runs the backward passes.
        passes (`list[dict[str, TaskBatch]]`): the batches of each pass of the accumulation.
        max_grad_norm (`float`): gradients are scaled down to this norm.

    Returns:
        `dict[str, torch.Tensor]`: scalars for the log: the loss, each task's of the last pass, the gradient norm.
    """
    for batches in passes:
        loss, losses = tasks_loss(model, batches)
        accelerator.backward(loss / len(passes))
    gradient_norm = accelerator.clip_grad_norm_(model.parameters(), max_grad_norm)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    log = {"loss": loss, **{f"loss_{task}": value for task, value in losses.items()}, "gradient_norm": gradient_norm}
    return {name: torch.as_tensor(value).detach() for name, value in log.items()}


@torch.no_grad()
def validate(model, tokens: TokenFiles, batches: TaskBatches) -> dict[str, float]:
    """Mean loss of each task on held-out clips, always the same ones, without condition dropout.

    Args:
        model (`NuwaForConditionalGeneration`): not wrapped.
        tokens (`TokenFiles`): held-out clips.
        batches (`TaskBatches`): gives the tasks.

    Returns:
        `dict[str, float]`: `validation_loss_<task>` in nats per token.
    """
    model.eval()
    values = {}
    rows = min(VALIDATION_BATCH, len(tokens))
    for task in batches.counts:
        make = TaskBatches(tokens, model.config, {task: rows}, condition_dropout=0.0, seed=0)
        starts = range(0, min(VALIDATION_CLIPS, len(tokens)) - rows + 1, rows)
        losses = [tasks_loss(model, to_device(make(range(start, start + rows)), model.device))[0] for start in starts]
        values[f"validation_loss_{task}"] = torch.stack(losses).mean().item()
    model.train()
    return values
