# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The transformer's loss over several tasks, one training step, and the validation loss."""

from collections.abc import Collection
from contextlib import nullcontext
from itertools import groupby

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from nuwa_hf.training.nuwa.placeholder_batch import with_placeholders
from nuwa_hf.training.nuwa.task_batches import TaskBatch, TaskBatches, to_device
from nuwa_hf.training.run.averaged_weights import whole
from nuwa_hf.training.run.finite_updates import update_weights
from nuwa_hf.training.tokens.token_files import TokenFiles
from nuwa_hf.training.tokens.token_mixture import TokenMixture


VALIDATION_CLIPS = 128
VALIDATION_BATCH = 16


def counted_tokens(batches: dict[str, TaskBatch]) -> dict[str, int]:
    """The number of tokens to predict, for each task.

    Args:
        batches (`dict[str, TaskBatch]`): task to its batch.

    Returns:
        `dict[str, int]`: task to its number of labels other than -100.
    """
    return {task: int((batch.labels != -100).sum()) for task, batch in batches.items()}


def task_losses(model: torch.nn.Module, batches: dict[str, TaskBatch]) -> dict[str, torch.Tensor]:
    """The mean cross-entropy of each task.

    Args:
        model (`torch.nn.Module`): a `NuwaForConditionalGeneration`, wrapped or not.
        batches (`dict[str, TaskBatch]`): task to its batch.

    Returns:
        `dict[str, torch.Tensor]`: task to a scalar, in nats per counted token.
    """
    return {task: model(**vars(batch), logits_to_keep=[], return_dict=True).loss for task, batch in batches.items()}


def tasks_loss(model: torch.nn.Module, batches: dict[str, TaskBatch]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The sum of the tasks' cross-entropies over all counted tokens (NUWA, section "Training").

        loss = sum_task sum_n - log p(y_n | y_(before n), condition) / number of counted tokens of all tasks

    Args:
        model (`torch.nn.Module`): a `NuwaForConditionalGeneration`, wrapped or not.
        batches (`dict[str, TaskBatch]`): task to its batch.

    Returns:
        `tuple[torch.Tensor, dict[str, torch.Tensor]]`: the loss, and each task's mean in nats per token.
    """
    counts, losses = counted_tokens(batches), task_losses(model, batches)
    return _share_of_loss(losses, counts, sum(counts.values())), losses


def nuwa_step(
    model: torch.nn.Module,
    optimizers: list[torch.optim.Optimizer],
    accelerator: Accelerator,
    passes: list[dict[str, TaskBatch]],
    max_grad_norm: float,
    tasks: Collection[str] | None = None,
) -> dict[str, torch.Tensor]:
    """One optimiser step. Its loss is the mean over all tokens of the step, as if one process computed them in one
    pass.

        loss = sum_process sum_pass sum_task sum_n - log p(y_n) / number of counted tokens of all of these

    Passes and processes differ in their tasks, and in how many tokens count, because masks are random. So the tokens
    are counted first, over all passes and processes. DDP averages the gradients of the processes; multiplying by their
    number turns that into a sum.

    Args:
        model (`torch.nn.Module`): as `Accelerator.prepare` gave it; changed in place.
        optimizers (`list[torch.optim.Optimizer]`): likewise.
        accelerator (`Accelerator`): runs the backward passes.
        passes (`list[dict[str, TaskBatch]]`): the batches of each pass of the accumulation.
        max_grad_norm (`float`): gradients are scaled down to this norm.
        tasks (`Collection[str]`, *optional*): all tasks of the step; by default those of the first pass. With several
            processes, each must name the same.

    Returns:
        `dict[str, torch.Tensor]`: scalars for the log: the loss and each task's, over all passes and processes, and
        the gradient norm.

    Raises:
        StepNotTaken: In every process, if a loss or a gradient of any of them is not finite. Nothing has changed then.
    """
    tasks = list(passes[0] if tasks is None else tasks)
    own = [counted_tokens(batches) for batches in passes]
    counts = [[count.get(task, 0) for task in tasks] for count in own]
    if accelerator.num_processes > 1:
        counts = accelerator.reduce(torch.tensor(counts, device=accelerator.device), "sum").tolist()
    totals = dict(zip(tasks, map(sum, zip(*counts, strict=True)), strict=True))
    total = sum(totals.values())
    logged = dict.fromkeys(["loss", *(f"loss_{task}" for task in tasks)], 0.0)
    for index, (batches, count, everywhere) in enumerate(zip(passes, own, counts, strict=True)):
        is_last = index == len(passes) - 1
        accelerator.sync_gradients = is_last  # DeepSpeed takes its step in the backward pass and reads this there
        if accelerator.num_processes > 1:
            # In the last pass all tasks of the step, so that every gradient of the earlier ones is sent.
            needed = [task for task, some in zip(tasks, everywhere, strict=True) if some or is_last]
            batches = with_placeholders(batches, needed)
        with nullcontext() if is_last else accelerator.no_sync(model):
            losses = task_losses(model, batches)
            loss = _share_of_loss(losses, count, total)
            accelerator.backward(loss * accelerator.num_processes)
        logged["loss"] += loss.detach()
        for task, value in losses.items():
            logged[f"loss_{task}"] += value.detach() * (count.get(task, 0) / totals[task])
    gradient_norm = update_weights(accelerator, model, optimizers, logged, max_grad_norm)
    if accelerator.num_processes > 1:
        everywhere = accelerator.reduce(torch.stack(list(logged.values())), "sum")
        logged = dict(zip(logged, everywhere, strict=True))
    return {**logged, "gradient_norm": whole(torch.as_tensor(gradient_norm).detach())}


def _share_of_loss(losses: dict[str, torch.Tensor], counts: dict[str, int], total: int) -> torch.Tensor:
    """The contribution of the tasks' means, each over `counts` tokens (or none), to a mean over `total` tokens."""
    return sum(losses[task] * (counts.get(task, 0) / total) for task in losses)


def deal_clips(clips: int, rows: int, *, process: int, processes: int) -> list[list[int]]:
    """Which of the clips, that stand in batches, a process takes in each of its passes: only clips of one batch.

    Args:
        clips (`int`): how many there are.
        rows (`int`): of a batch; the last may have fewer.
        process (`int`): which of the processes.
        processes (`int`): how many share the clips.

    Returns:
        `list[list[int]]`: as many lists in each process, some of which may be empty.
    """
    own = range(process, clips, processes)
    passes = [list(group) for _, group in groupby(own, lambda clip: clip // rows)]
    most = min(-(-clips // rows), -(-clips // processes))
    return passes + [[]] * (most - len(passes))


@torch.no_grad()
def validate(
    model: torch.nn.Module, accelerator: Accelerator, tokens: TokenFiles | TokenMixture, batches: TaskBatches
) -> dict[str, float]:
    """Mean loss on up to `VALIDATION_CLIPS` held-out clips, which are always the same, without condition dropout.

    The clips are dealt to the processes, all of which must call this.

    Args:
        model (`torch.nn.Module`): a `NuwaForConditionalGeneration`, or the `PeftModel` around it.
        accelerator (`Accelerator`): knows the processes.
        tokens (`TokenFiles` or `TokenMixture`): held-out clips.
        batches (`TaskBatches`): gives the tasks.

    Returns:
        `dict[str, float]`: in nats per counted token, `validation_loss_<task>` for each task, and `validation_loss` of
        all, in which a task counts as many tokens as in a step. The same in every process.
    """
    model.eval()
    clips, rows = min(VALIDATION_CLIPS, len(tokens)), min(VALIDATION_BATCH, len(tokens))
    own = deal_clips(clips, rows, process=accelerator.process_index, processes=accelerator.num_processes)
    sums = []
    for task in batches.counts:
        make = TaskBatches(tokens, model.config, {task: rows}, condition_dropout=0.0, seed=0)
        # Sharded weights need all processes in each pass: one without a clip takes the first, and does not count it.
        held_out = [make(one or [0]) for one in own]
        counts = [counted_tokens(batch)[task] if one else 0 for one, batch in zip(own, held_out, strict=True)]
        losses = [tasks_loss(model, to_device(batch, model.device))[0].item() for batch in held_out]
        sums.append((sum(one * count for one, count in zip(losses, counts, strict=True)), sum(counts)))
    everywhere = gather_object([sums])  # in Python's numbers, of which those of one process stay as they are
    values, weights = {}, []
    for (task, rows_of_step), *pairs in zip(batches.counts.items(), *everywhere, strict=True):
        total, count = map(sum, zip(*pairs, strict=True))
        values[f"validation_loss_{task}"] = total / count
        weights.append(rows_of_step * count)
    mean = sum(weight * value for weight, value in zip(weights, values.values(), strict=True)) / sum(weights)
    model.train()
    return {"validation_loss": mean, **values}
