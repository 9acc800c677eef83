# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The images and videos of checked lines, batch by batch, from a sampler.

Letters: T frames, Y, X pixel rows and columns.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import torch
from torch import Tensor

from nuwa_hf.bulk.prompt_rows import PromptRow, PromptRows
from nuwa_hf.bulk.shared_work import Places
from nuwa_hf.serving import NuwaSampler


BATCHES_AT_ONCE = 2  # one that is sampled, and one that waits for it


def clips_of_rows(
    sampler: NuwaSampler, rows: PromptRows, batches: Iterable[Places]
) -> Iterator[tuple[Places, list[Tensor]]]:
    """Make the clips of batches; while one is sampled, the files of the next are read.

    Args:
        sampler (`NuwaSampler`): makes them; its batches are at least as large, and so many of them may wait.
        rows (`PromptRows`): the lines.
        batches (`Iterable[Sequence[int]]`): places of lines, those of a batch of one kind.

    Yields:
        `tuple`: places of a batch, and for each its pixels `(T, 3, Y, X)`, as bytes.

    Raises:
        ValueError: If something that a line names has changed since it was checked.
    """
    running: deque[tuple[Places, list[Future]]] = deque()
    for places in batches:
        calls = [(row.task.name, _arguments(row)) for row in (rows.rows[place] for place in places)]
        running.append((places, sampler.submit_many(calls)))
        if len(running) == BATCHES_AT_ONCE:
            yield _clips(*running.popleft(), rows)
    while running:
        yield _clips(*running.popleft(), rows)


def _arguments(row: PromptRow) -> dict[str, Any]:
    return {**row.arguments, "generator": torch.Generator().manual_seed(row.seed), "output_type": "pt"}


def _clips(places: Places, futures: Sequence[Future], rows: PromptRows) -> tuple[Places, list[Tensor]]:
    clips = []
    for place, future in zip(places, futures, strict=True):
        try:
            (pixels,) = future.result()[0]
        except ValueError as error:
            raise ValueError(f"Line {rows.rows[place].line}: {error}") from error
        pixels = (pixels.float() * 255).round().byte().cpu()
        clips.append(pixels[None] if rows.output == "image" else pixels)
    return places, clips
