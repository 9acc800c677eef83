# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Makes a process take part in a task of which it has no row."""

from collections.abc import Collection

import torch

from nuwa_hf.tasks import get_task
from nuwa_hf.training.nuwa.task_batches import TaskBatch
from nuwa_hf.training.tokens.token_mixture import starts_from_sketch


def with_placeholders(batches: dict[str, TaskBatch], tasks: Collection[str]) -> dict[str, TaskBatch]:
    """Batches of all tasks that some process has in this pass, in one order.

    Processes that train together must call the model alike: with FSDP each call gathers the weights from all of them,
    and DDP waits for a gradient of every weight. A task of which this process has no row gets one row of one place,
    which passes through the same modules. Its loss has to be counted 0 times.

    Args:
        batches (`dict[str, TaskBatch]`): task to its batch in this process, at least one.
        tasks (`Collection[str]`): the tasks of all processes, in the same order in each.

    Returns:
        `dict[str, TaskBatch]`: task to its batch or placeholder.
    """
    some = next(iter(batches.values()))
    return {task: batches[task] if task in batches else _placeholder(task, some) for task in tasks}


def _placeholder(task: str, some: TaskBatch) -> TaskBatch:
    token = some.visual_tokens[:1, :1, :1, :1]
    text = some.input_ids[:1, :1]
    nothing = torch.zeros_like(token, dtype=torch.bool)
    sketch = {"sketch_tokens": torch.zeros_like(token), "sketch_attention_mask": ~nothing}
    return TaskBatch(
        text,
        torch.ones_like(text),
        token,
        token,
        known_mask=None if get_task(task).known == "nothing" else nothing,
        **(sketch if starts_from_sketch(task) else {}),
    )
