# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The steps of a video without end, made on demand, a few at a time.

Legend: T, H, W the learnt grid, R kept frames, S slots of all rings.
"""

from collections.abc import Iterator

import torch

from nuwa_hf.generation.key_rings import KeyRings
from nuwa_hf.generation.schedule import FrameTimes
from nuwa_hf.generation.step_plan import StepLayout, StepPlan
from nuwa_hf.grid import Grid


class EndlessPlan:
    """The steps of an endless video, made on demand.

    Frame t is complete a few waves after frame t - 1. Frames beyond the T learnt ones cycle through the learnt
    positions 1, ..., T - 1, 1, ... Position 0 is left out, since in training nothing ever came before it.

    Args:
        learnt (`Grid`): the learnt grid (T, H, W); every frame has H x W places.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.
        is_padded (`bool`): whether steps are padded to a few widths.

    Attributes:
        kept (`Grid`): the grid (R, H, W) of kept tokens; frame t is stored at index t modulo R.
        num_slots (`int`): S.
        is_padded (`bool`): as given.
    """

    def __init__(self, learnt: Grid, window: tuple[int, int, int], schedule: str, is_padded: bool):
        self.learnt, timing = learnt, FrameTimes(learnt.h, learnt.w, window, schedule)
        timing.stride = timing.stride or timing.span  # frames that do not see each other are sampled one by one
        self.stride, self.span = timing.stride, timing.span
        self.places_at = [torch.nonzero(timing.times == time).flatten() for time in range(timing.span)]
        rings = KeyRings(timing, Grid(2**62, learnt.h, learnt.w), window)
        self.kept = Grid(rings.frames, learnt.h, learnt.w)
        widest = max(sum(len(places) for places in self.places_at[time :: self.stride]) for time in range(self.stride))
        self._layout = StepLayout(self.kept, rings, window, widest, self.stride, is_padded)
        self.num_slots, self.is_padded = self._layout.num_slots, is_padded

    def __iter__(self) -> Iterator[StepPlan]:
        """Yield the steps from the beginning of each frame to that of the next one."""
        frame = 0
        while True:
            yield self._steps_of(frame)
            frame += 1

    def _steps_of(self, begun: int) -> StepPlan:
        steps, completed = [], []
        for time in range(self.stride * begun, self.stride * (begun + 1)):
            frames = range(max(0, -(-(time - self.span + 1) // self.stride)), begun + 1)
            rows = [
                torch.stack([torch.full_like(places, t), places // self.learnt.w, places % self.learnt.w], 1)
                for t in frames
                for places in [self.places_at[time - self.stride * t]]
            ]
            coordinates = torch.cat(rows) if rows else torch.empty(0, 3, dtype=torch.long)
            if len(coordinates):
                steps.append(coordinates)
                completed.append((frames[0],) if time - self.stride * frames[0] == self.span - 1 else ())
        sizes = [len(coordinates) for coordinates in steps]
        tables, shapes = self._layout.lay(torch.cat(steps), sizes, self.learnt.t)
        return StepPlan(tables, shapes, tuple(completed), self.num_slots, self.is_padded)
