# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Batches of the training tasks from token files: each is a pure function of its sample indices.

Legend: B batch, T, H, W token grid, L text length.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.text_ids import none_text, text_mask
from nuwa_hf.tasks import TASKS, Task, get_task
from nuwa_hf.training.nuwa.condition_dropout import drop_condition, drop_sketch
from nuwa_hf.training.nuwa.input_noise import add_input_noise
from nuwa_hf.training.nuwa.known_masks import first_frames_known, random_known_masks
from nuwa_hf.training.run.sample_order import shuffled
from nuwa_hf.training.tokens.token_files import TokenFiles
from nuwa_hf.training.tokens.token_mixture import TokenMixture, starts_from_sketch


TEXT_BESIDE_SKETCH = 0.5  # share of sketches that come with a text
ONE_KNOWN_FRAME = 0.7  # share of videos predicted from one frame; the others from any number
ONLY_FIRST_FRAME = 0.5  # share of edited videos whose first frame is given and nothing else


@dataclass(frozen=True)
class TaskBatch:
    """The model's inputs for one task in one step.

    Args:
        input_ids (`torch.LongTensor` of shape `(B, L)`): text tokens.
        attention_mask (`torch.LongTensor` of shape `(B, L)`): 1 for text.
        visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens that the decoder reads.
        labels (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens to predict; -100 where they are given.
        sketch_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): the sketches.
        sketch_attention_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): where they may be seen.
        known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where `visual_tokens` are given.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    visual_tokens: torch.Tensor
    labels: torch.Tensor
    sketch_tokens: torch.Tensor | None = None
    sketch_attention_mask: torch.Tensor | None = None
    known_mask: torch.Tensor | None = None

    def to(self, device: torch.device) -> "TaskBatch":
        """The same batch on another device."""
        tensors = {name: tensor for name, tensor in vars(self).items() if tensor is not None}
        return TaskBatch(**{name: tensor.to(device) for name, tensor in tensors.items()})


def parse_task_shares(texts: Sequence[str]) -> dict[str, float]:
    """Shares of the tasks from texts such as `"T2V=0.6"`.

    Args:
        texts (`Sequence[str]`): one text a task.

    Returns:
        `dict[str, float]`: the paper's short name to a share; the shares sum to 1.

    Raises:
        ValueError: If a text has another form, or a task is unknown, named twice or without a positive share.
    """
    known = [task.abbreviation for task in TASKS]
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
    """Divide rows among tasks, by largest remainder.

    Args:
        shares (`dict[str, float]`): task to share; they sum to 1.
        rows (`int`): the number of rows.

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


class TaskBatches:
    """Makes the batches of a step.

    Args:
        tokens (`TokenFiles` or `TokenMixture`): the clips, of one source or of several.
        config (`NuwaConfig`): gives the "None" and padding tokens.
        counts (`dict[str, int]`): task to rows of a batch.
        condition_dropout (`float`): probability that a text is replaced by the "None" condition, and that a sketch is
            left out, in [0, 1]. A sketch has a text beside it half of the time, whatever the dropout.
        seed (`int`): of the order and of every random draw.
        input_noise (`float`, defaults to 0.0): the most of a row's tokens that are random in the decoder's input, in
            [0, 1); what is given, and the labels, stay.

    Raises:
        ValueError: If a task needs sketches, or frames after the first, and no clips have them.
    """

    def __init__(
        self,
        tokens: TokenFiles | TokenMixture,
        config: NuwaConfig,
        counts: dict[str, int],
        condition_dropout: float,
        seed: int,
        input_noise: float = 0.0,
    ):
        for name in counts:
            if isinstance(tokens, TokenMixture):
                tokens.feeding(name)
                continue
            if starts_from_sketch(name) and tokens.sketch_tokens is None:
                raise ValueError(f"`tokens` must hold sketches for {name}, got none; tokenise with a sketch codec.")
            if name in ("V2V", "TV2V") and tokens.video_tokens.shape[1] < 2:
                raise ValueError(
                    f"`tokens` must be clips of at least 2 frames for {name}, got 1; "
                    "name other tasks, such as `--tasks T2I=1`."
                )
        self.tokens = tokens
        self.config = config
        self.counts = counts
        self.condition_dropout = condition_dropout
        self.seed = seed
        self.input_noise = input_noise

    def __call__(self, indices: Sequence[int]) -> dict[str, TaskBatch]:
        """The batches for given sample indices, which are assigned to the tasks in order.

        Args:
            indices (`Sequence[int]`): as many as there are rows in `counts`.

        Returns:
            `dict[str, TaskBatch]`: task to its batch.
        """
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + indices[0])
        batches, first = {}, 0
        for name, count in self.counts.items():
            task, own_indices = get_task(name), indices[first : first + count]
            batch = self._batch(task, self._clips(task, own_indices), generator)
            batches[name] = replace(batch, visual_tokens=self._read_by_decoder(batch, own_indices))
            first += count
        return batches

    def _clips(self, task: Task, indices: Sequence[int]) -> TokenFiles:
        """The clips for a task, in the order of the indices. For an image task, only their still frames."""
        if isinstance(self.tokens, TokenMixture):
            rows = self.tokens.rows(task.abbreviation, indices, self.seed)
        else:
            rows = [(self.tokens, shuffled(index, len(self.tokens), self.seed)) for index in indices]
        with_sketches = starts_from_sketch(task.abbreviation)
        shown = [_shown(task, tokens, row, with_sketches) for tokens, row in rows]
        return TokenFiles(**{name: torch.stack([clip[name] for clip in shown]) for name in shown[0]})

    def _batch(self, task: Task, clips: TokenFiles, generator: torch.Generator) -> TaskBatch:
        visual = clips.video_tokens.long()
        ids, mask = self._text(task, clips, generator)
        if clips.sketch_tokens is not None:
            sketch = clips.sketch_tokens.long()
            sketch_mask = drop_sketch(sketch, self.condition_dropout, generator)
            return TaskBatch(ids, mask, visual, visual, sketch, sketch_mask)
        if task.known == "nothing":
            return TaskBatch(ids, mask, visual, visual)
        known = draw_known(task, Grid(*visual.shape[1:]), len(visual), generator)
        return TaskBatch(ids, mask, visual, visual.masked_fill(known, -100), known_mask=known)

    def _read_by_decoder(self, batch: TaskBatch, indices: Sequence[int]) -> torch.Tensor:
        return add_input_noise(
            batch.visual_tokens,
            batch.labels == -100,
            self.input_noise,
            codebook_size=self.config.codebook_size,
            indices=indices,
            seed=self.seed,
        )

    def _text(self, task: Task, clips: TokenFiles, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        config = self.config
        if task.condition == "none":
            ids = none_text(config, len(clips))
            return ids, torch.ones_like(ids)
        ids = (clips.caption_ids if task.output == "video" else clips.image_caption_ids).long()
        mask = text_mask(ids, config)
        longest = int(mask.sum(1).max())
        ids, mask = ids[:, :longest], mask[:, :longest]
        dropout = self.condition_dropout if task.condition == "text" else 1 - TEXT_BESIDE_SKETCH
        return drop_condition(ids, mask, dropout, config.none_token_id, config.pad_token_id, generator)


def _shown(task: Task, tokens: TokenFiles, row: int, with_sketches: bool) -> dict[str, torch.Tensor]:
    """The columns of one clip, with all frames or only the still one."""
    columns = {name: column[row] for name, column in vars(tokens).items() if column is not None}
    if not with_sketches:
        columns.pop("sketch_tokens", None)
    if task.output == "image":
        still = int(columns["image_indices"])
        for name in columns.keys() & {"video_tokens", "sketch_tokens"}:
            columns[name] = columns[name][still : still + 1]
    return columns


def draw_known(task: Task, grid: Grid, rows: int, generator: torch.Generator) -> torch.Tensor:
    """The given places for a task that completes, predicts or edits.

    Args:
        task (`Task`): a task with a known part.
        grid (`Grid`): of its images or videos.
        rows (`int`): B.
        generator (`torch.Generator`): source of all random numbers.

    Returns:
        `torch.BoolTensor` of shape `(B, T, H, W)`: True where a token is given. Each row has places of both kinds.
    """
    if task.known == "part of the image":
        return random_known_masks(grid, rows, generator)
    is_one_frame_B = torch.rand(rows, generator=generator)
    if task.known == "first frames":
        counts_B = torch.randint(1, grid.t, (rows,), generator=generator)
        return first_frames_known(grid, torch.where(is_one_frame_B < ONE_KNOWN_FRAME, 1, counts_B))
    first_frame = first_frames_known(grid, torch.ones(rows, dtype=torch.long))
    is_one_frame_B = is_one_frame_B < ONLY_FIRST_FRAME
    return torch.where(is_one_frame_B[:, None, None, None], first_frame, random_known_masks(grid, rows, generator))


def to_device(batches: dict[str, TaskBatch], device: torch.device) -> dict[str, TaskBatch]:
    """The batches of all tasks on another device.

    Args:
        batches (`dict[str, TaskBatch]`): task to its batch.
        device (`torch.device`): where to.

    Returns:
        `dict[str, TaskBatch]`.
    """
    return {task: batch.to(device) for task, batch in batches.items()}
