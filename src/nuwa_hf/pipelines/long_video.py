# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Videos longer than a checkpoint's learnt positions: chunks that overlap, each going on from the last frames.

The memory of sampling is that of one chunk, however long the video.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Frames that are sampled together.

    Args:
        start (`int`): the first frame.
        stop (`int`): the frame after the last.
        num_written (`int`): frames at its start that an earlier chunk wrote.
    """

    start: int
    stop: int
    num_written: int


def plan_chunks(num_frames: int, max_frames: int, overlap_frames: int) -> list[Chunk]:
    """Cut a video into chunks.

    Args:
        num_frames (`int`): frames of the video.
        max_frames (`int`): frames of a chunk, the checkpoint's learnt positions.
        overlap_frames (`int`): frames that a chunk sees of the one before, from 1 to `max_frames - 1`; it does not
            matter for a video of one chunk.

    Returns:
        `list[Chunk]`: in order, covering every frame; all but the last have `max_frames` frames.
    """
    chunks = [Chunk(0, min(num_frames, max_frames), 0)]
    while chunks[-1].stop < num_frames:
        start = chunks[-1].stop - overlap_frames
        chunks.append(Chunk(start, min(num_frames, start + max_frames), overlap_frames))
    return chunks
