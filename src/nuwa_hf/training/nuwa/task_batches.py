# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Batches of the training tasks from token files: each row is a pure function of its sample index.

Legend: B batch, T, H, W token grid, L text length.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.text_ids import none_text, text_mask
from nuwa_hf.tasks import Task, get_task
from nuwa_hf.training.nuwa.condition_dropout import draw_dropped, drop_condition, drop_sketch
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


@dataclass(frozen=True)
class TaskDraws:
    """What is drawn at random for the rows of a task.

    Args:
        has_no_text (`torch.BoolTensor` of shape `(B,)`, *optional*): True where a text becomes "None".
        has_no_sketch (`torch.BoolTensor` of shape `(B,)`, *optional*): True where a sketch is left out.
        known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where a token is given.
    """

    has_no_text: torch.Tensor | None
    has_no_sketch: torch.Tensor | None
    known_mask: torch.Tensor | None

    def of(self, rows: Sequence[int]) -> "TaskDraws":
        """The draws for some of the rows."""
        return TaskDraws(*(None if draws is None else draws[rows] for draws in vars(self).values()))


class TaskBatches:
    """Makes the batches of a step.

    Sample i is the row i mod n of the n rows that are dealt to the tasks together, in the order of `counts`. It is the
    same whichever process asks for it and whatever stands beside it.

    Args:
        tokens (`TokenFiles` or `TokenMixture`): the clips, of one source or of several.
        config (`NuwaConfig`): gives the "None" and padding tokens.
        counts (`dict[str, int]`): task to its rows, over all processes, as `deal_rows` gives them.
        condition_dropout (`float`): probability that a text is replaced by the "None" condition, and that a sketch is
            left out, in [0, 1]. A sketch has a text beside it half of the time, whatever the dropout.
        seed (`int`): of the order and of every random draw.

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

    def __call__(self, indices: Sequence[int]) -> dict[str, TaskBatch]:
        """The batches for given sample indices.

        Args:
            indices (`Sequence[int]`): rising, all of rows that are dealt together.

        Returns:
            `dict[str, TaskBatch]`: task to its batch, for the tasks to which one of the rows is dealt.
        """
        dealt = sum(self.counts.values())
        first = indices[0] // dealt * dealt
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + first)
        batches = {}
        for name, count in self.counts.items():
            task, own = get_task(name), [index for index in indices if first <= index < first + count]
            draws = self._draw(task, count, generator)  # for all rows, so that each has its own in any process
            if own:
                batches[name] = self._batch(task, own, draws.of([index - first for index in own]))
            first += count
        return batches

    def _clips(self, task: Task, indices: Sequence[int]) -> TokenFiles:
        """The clips for a task, in the order of the indices. For an image task, only their still frames."""
        if isinstance(self.tokens, TokenMixture):
            rows = self.tokens.rows(task.abbreviation, indices, self.seed, self.counts)
        else:
            rows = [(self.tokens, shuffled(index, len(self.tokens), self.seed)) for index in indices]
        with_sketches = starts_from_sketch(task.abbreviation)
        shown = [_shown(task, tokens, row, with_sketches) for tokens, row in rows]
        return TokenFiles(**{name: torch.stack([clip[name] for clip in shown]) for name in shown[0]})

    def _draw(self, task: Task, rows: int, generator: torch.Generator) -> TaskDraws:
        with_sketch = starts_from_sketch(task.abbreviation)
        has_no_text = has_no_sketch = known_mask = None
        if task.condition != "none":
            dropout = self.condition_dropout if task.condition == "text" else 1 - TEXT_BESIDE_SKETCH
            has_no_text = draw_dropped(rows, dropout, generator)
        if with_sketch:
            has_no_sketch = draw_dropped(rows, self.condition_dropout, generator)
        elif task.known != "nothing":
            known_mask = draw_known(task, self._grid(task), rows, generator)
        return TaskDraws(has_no_text, has_no_sketch, known_mask)

    def _grid(self, task: Task) -> Grid:
        if isinstance(self.tokens, TokenMixture):
            return self.tokens.grid_of(task.abbreviation)
        frames, height, width = self.tokens.video_tokens.shape[1:]
        return Grid(1 if task.output == "image" else frames, height, width)

    def _batch(self, task: Task, indices: Sequence[int], draws: TaskDraws) -> TaskBatch:
        clips = self._clips(task, indices)
        visual, known = clips.video_tokens.long(), draws.known_mask
        labels = visual if known is None else visual.masked_fill(known, -100)
        ids, mask = self._text(task, clips, draws.has_no_text)
        if draws.has_no_sketch is None:
            return TaskBatch(ids, mask, visual, labels, known_mask=known)
        sketch = clips.sketch_tokens.long()
        return TaskBatch(ids, mask, visual, labels, sketch, drop_sketch(sketch, draws.has_no_sketch))

    def _text(
        self, task: Task, clips: TokenFiles, has_no_text: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        config = self.config
        if has_no_text is None:
            ids = none_text(config, len(clips))
            return ids, torch.ones_like(ids)
        ids = (clips.caption_ids if task.output == "video" else clips.image_caption_ids).long()
        mask = text_mask(ids, config)
        longest = int(mask.sum(1).max())
        ids, mask = ids[:, :longest], mask[:, :longest]
        return drop_condition(ids, mask, has_no_text, config.none_token_id, config.pad_token_id)


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
