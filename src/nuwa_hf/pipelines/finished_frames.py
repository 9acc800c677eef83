# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which frames of a call are finished after each of its waves, for whoever shows them while the call goes on."""

from dataclasses import dataclass

from nuwa_hf.generation.schedule import finished_frames
from nuwa_hf.grid import Grid
from nuwa_hf.pipelines.checked_call import CheckedCall
from nuwa_hf.pipelines.long_video import chunks_to_draw
from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase


@dataclass(frozen=True)
class FinishedFrame:
    """A frame whose tokens no later wave changes.

    Args:
        number (`int`): which frame of the video it is.
        place (`int`): where it is among the frames of `callback_kwargs["tokens"]`, those of the part of a long video
            that is being drawn.
    """

    number: int
    place: int


def frames_after_waves(pipeline: NuwaPipelineBase, call: CheckedCall) -> list[tuple[FinishedFrame, ...]]:
    """The frames that each wave of a call finishes.

    Args:
        pipeline (`NuwaPipelineBase`): what draws.
        call (`CheckedCall`): the call, with one candidate of each output.

    Returns:
        `list[tuple[FinishedFrame, ...]]`: an entry for each wave, by the number that `callback_on_step_end` gets. A
            long video's frames come once each; parts of it in which nothing is drawn have no waves.
    """
    config, options = pipeline.transformer.config, call.options
    _, height, width = config.visual_grid
    is_given = None if call.masks is None else (~call.masks.flatten(2)).all(2).all(0).tolist()
    waves = []
    for chunk in chunks_to_draw(call.num_frames, pipeline.max_frames, options.overlap_frames, is_given):
        grid = Grid(chunk.stop - chunk.start, height, width)
        waves += [
            tuple(FinishedFrame(chunk.start + place, place) for place in places if place >= chunk.num_written)
            for places in finished_frames(grid, config.window, options.schedule)
        ]
    return waves
