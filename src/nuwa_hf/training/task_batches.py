# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Batches of the training tasks from token files: each is a pure function of its sample indices.

Legend: B batch, T, H, W token grid, L text length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.tasks import PRETRAINING_TASKS
from nuwa_hf.training.condition_dropout import drop_condition
from nuwa_hf.training.token_files import TokenFiles


@dataclass(frozen=True)
class TaskBatch:
    """What one task gives the model in one step.

    Args:
        input_ids (`torch.LongTensor` of shape `(B, L)`): text tokens.
        attention_mask (`torch.LongTensor` of shape `(B, L)`): 1 for text.
        visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): what the decoder reads.
        labels (`torch.LongTensor` of shape `(B, T, H, W)`): what it must predict; -100 where it is given.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    visual_tokens: torch.Tensor
    labels: torch.Tensor

    def to(self, device: torch.device) -> "TaskBatch":
        """The same on a device."""
        return TaskBatch(**{name: tensor.to(device) for name, tensor in vars(self).items()})


def parse_task_shares(texts: Sequence[str]) -> dict[str, float]:
    """Shares of the tasks from texts such as `"T2V=0.6"`.

    Args:
        texts (`Sequence[str]`): one text a task.

    Returns:
        `dict[str, float]`: the paper's short name to a share; the shares sum to 1.

    Raises:
        ValueError: If a text has another form, a task cannot be trained on, comes twice or has no positive share.
    """
    known = [task.abbreviation for task in PRETRAINING_TASKS]
    shares = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = 0.0
        if name not in known or name in shares or not 0 < share < float("inf"):
            raise ValueError(
                f"`tasks` must be entries like 'T2V=0.6' with tasks among {known}, each once, and shares above 0, got "
                f"{list(texts)}."
            )
        shares[name] = share
    if not shares:
        raise ValueError("`tasks` must name at least one task, got none; use for example 'T2V=1'.")
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def split_rows(shares: dict[str, float], rows: int) -> dict[str, int]:
    """Whole numbers of rows for each task, by largest remainder.

    Args:
        shares (`dict[str, float]`): task to share; they sum to 1.
        rows (`int`): rows to give out.

    Returns:
        `dict[str, int]`: task to rows, summing to `rows`.

    Raises:
        ValueError: If a task would get none.
    """
    counts = {name: int(share * rows) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: shares[name] * rows - counts[name], reverse=True)
    for name in by_remainder[: rows - sum(counts.values())]:
        counts[name] += 1
    empty = [name for name, count in counts.items() if count == 0]
    if empty:
        raise ValueError(
            f"`train_batch_size` must hold at least one row of each task, got {rows}, which leaves none to "
            f"{empty}; use a larger batch or larger shares."
        )
    return counts


def shuffled(index: int, length: int, seed: int) -> int:
    """The clip that a sample index stands for: every epoch has its own order, a pure function of the seed."""
    epoch, place = divmod(index, length)
    return int(_order(epoch, length, seed)[place])


@lru_cache(maxsize=4)  # training and validation, each at the turn of an epoch
def _order(epoch: int, length: int, seed: int) -> torch.Tensor:
    return torch.randperm(length, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


class TaskBatches:
    """Makes the batches of a step.

    Args:
        tokens (`TokenFiles`): the clips.
        config (`NuwaConfig`): gives the "None" and padding tokens.
        counts (`dict[str, int]`): task to rows of a batch.
        condition_dropout (`float`): probability that a text is replaced by the "None" condition, in [0, 1].
        seed (`int`): of the order and of the dropout.
    """

    def __init__(
        self, tokens: TokenFiles, config: NuwaConfig, counts: dict[str, int], condition_dropout: float, seed: int
    ):
        self.tokens = tokens
        self.config = config
        self.counts = counts
        self.condition_dropout = condition_dropout
        self.seed = seed

    def __call__(self, indices: Sequence[int]) -> dict[str, TaskBatch]:
        """The batches of some sample indices, which are dealt out to the tasks in order.

        Args:
            indices (`Sequence[int]`): as many as `counts` has rows.

        Returns:
            `dict[str, TaskBatch]`: task to its batch.
        """
        rows = [shuffled(index, len(self.tokens), self.seed) for index in indices]
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + indices[0])
        batches, first = {}, 0
        for task, count in self.counts.items():
            batches[task] = self._batch(task, torch.tensor(rows[first : first + count]), generator)
            first += count
        return batches

    def _batch(self, task: str, rows: torch.Tensor, generator: torch.Generator) -> TaskBatch:
        tokens, config = self.tokens, self.config
        video = tokens.video_tokens[rows].long()
        if task == "T2I":
            frames = tokens.image_indices[rows].long()
            visual, ids = video[torch.arange(len(rows)), frames][:, None], tokens.image_caption_ids[rows].long()
        else:
            visual, ids = video, tokens.caption_ids[rows].long()
        if task == "V2V":  # the constant "None" condition; the first frame is given
            ids = torch.full((len(rows), 1), config.none_token_id)
            labels = visual.clone()
            labels[:, 0] = -100
            return TaskBatch(ids, torch.ones_like(ids), visual, labels)
        ids = ids[:, : int((ids != config.pad_token_id).sum(1).max())]
        mask = (ids != config.pad_token_id).long()
        ids, mask = drop_condition(
            ids, mask, self.condition_dropout, config.none_token_id, config.pad_token_id, generator
        )
        return TaskBatch(ids, mask, visual, visual)


def to_device(batches: dict[str, TaskBatch], device: torch.device) -> dict[str, TaskBatch]:
    """The batches of all tasks on another device.

    Args:
        batches (`dict[str, TaskBatch]`): task to its batch.
        device (`torch.device`): where to.

    Returns:
        `dict[str, TaskBatch]`.
    """
    return {task: batch.to(device) for task, batch in batches.items()}
