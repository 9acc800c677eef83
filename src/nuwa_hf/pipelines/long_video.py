# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Videos longer than a checkpoint's learnt positions: overlapping chunks, each a continuation of the one before.

Sampling takes the memory of one chunk, however long the video is.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Frames that are sampled together.

    Args:
        start (`int`): the first frame.
        stop (`int`): the frame after the last.
        num_written (`int`): frames at its start that belong to an earlier chunk too.
    """

    start: int
    stop: int
    num_written: int


def chunks_of(num_frames: int | None, max_frames: int, overlap_frames: int | None = None) -> Iterator[Chunk]:
    """Cut a video into chunks.

    Args:
        num_frames (`int`, *optional*): frames of the video; None for an endless one.
        max_frames (`int`): frames of a chunk, the checkpoint's learnt positions.
        overlap_frames (`int`, *optional*): frames that a chunk sees of the one before, from 1 to `max_frames - 1`; by
            default half a chunk. It makes no difference to a video of one chunk.

    Yields:
        `Chunk`: in order, covering every frame; all but the last have `max_frames` frames.
    """
    overlap_frames = overlap_frames or max(1, max_frames // 2)
    end = math.inf if num_frames is None else num_frames
    chunk = Chunk(0, min(end, max_frames), 0)
    yield chunk
    while chunk.stop < end:
        start = chunk.stop - overlap_frames
        chunk = Chunk(start, min(end, start + max_frames), overlap_frames)
        yield chunk


def chunks_to_draw(
    num_frames: int, max_frames: int, overlap_frames: int | None, is_given: Sequence[bool] | None
) -> list[Chunk]:
    """The chunks of a video in which something is left to draw.

    Args:
        num_frames (`int`): frames of the video.
        max_frames (`int`): frames of a chunk.
        overlap_frames (`int`, *optional*): as `chunks_of` takes it.
        is_given (`Sequence[bool]`, *optional*): for each frame whether all of it is given; None if nothing is.

    Returns:
        `list[Chunk]`: in order.
    """
    chunks = list(chunks_of(num_frames, max_frames, overlap_frames))
    return chunks if is_given is None else [one for one in chunks if not all(is_given[one.start : one.stop])]
