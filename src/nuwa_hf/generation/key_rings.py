# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Where keys and values stand: ring buffers, one for each frame in progress.

A ring is only as deep as the window reaches, since a place in wave tau sees nothing before wave
tau - (a r_t + b r_h + r_w). This is also why an endless video can be sampled in constant memory: the tokens of R
frames are kept, and the places of frame t overwrite those of frame t - R.

A frame sees itself and the r_t frames before it, and the rings of these frames have to be adjacent. When frame t wraps
around to the first ring, the r_t frames before it are in the last rings. Those frames are therefore written a second
time, in front of the first ring.

Legend: T, H, W the visual grid, R kept frames, S slots of all rings.
"""

import torch

from nuwa_hf.generation.schedule import FrameTimes
from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.neighborhood import causal_offsets, coordinate_table


SLOT_MULTIPLE = 8  # attention kernels on CUDA expect aligned mask rows


class KeyRings:
    """The number of rings, their depth, and the slot of each place.

    Args:
        timing (`FrameTimes`): the times at which the places of a frame are sampled.
        grid (`Grid`): (T, H, W); for an endless video, T is a number that is never reached.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.

    Attributes:
        frames (`int`): R, the number of rings that frames take in turn.
        lead (`int`): the number of rings in front of the first, for frames that are written a second time.
        radius (`int`): how many frames before its own a place sees.
        depth (`int`): slots of a ring.
        num_slots (`int`): S.
    """

    def __init__(self, timing: FrameTimes, grid: Grid, window: tuple[int, int, int]):
        order = torch.argsort(timing.times, stable=True)
        self.rank = torch.empty_like(order)  # of each place in its frame's sampling order
        self.rank[order] = torch.arange(len(order))
        self.radius = window[0] // 2
        at_once = -(-timing.span // timing.stride) if timing.stride else grid.t
        self.frames = min(grid.t, self.radius + at_once)
        self.lead = self.radius if grid.t > self.frames else 0
        self.depth = self._depth(timing, grid, window)
        self.num_slots = (self.lead + self.frames) * self.depth

    def _depth(self, timing: FrameTimes, grid: Grid, window: tuple[int, int, int]) -> int:
        """Slots per frame, enough that nothing is overwritten while a step still reads it."""
        counts = torch.bincount(timing.times, minlength=timing.span).cumsum(0)  # places sampled up to each time
        coordinates = coordinate_table(Grid(1, grid.h, grid.w), Grid(1, grid.h, grid.w), self.rank.device).T
        depth = 1
        for dt, *offset in causal_offsets(window):
            near = coordinates[:, 1:] + torch.tensor(offset)
            inside = ((near >= 0) & (near < torch.tensor([grid.h, grid.w]))).all(1)
            if -dt < grid.t and inside.any():
                now = (timing.times[inside] - dt * timing.stride).clamp(max=timing.span - 1)
                depth = max(depth, int((counts[now] - self.rank[near[inside] @ torch.tensor([grid.w, 1])]).max()))
        return -(-depth // SLOT_MULTIPLE) * SLOT_MULTIPLE

    def slots(self, frame: torch.Tensor, inner: torch.Tensor, back: torch.Tensor | int = 0) -> torch.Tensor:
        """The slots where frame `frame` finds the keys of places `inner` of the frame `back` frames before it."""
        ring = self.lead + frame.remainder(self.frames) - back
        return ring * self.depth + self.rank[inner].remainder(self.depth)

    def second_slots(self, frame: torch.Tensor, slots: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Which of some places are written a second time (their rows, in order), and to which slots."""
        again = torch.nonzero(frame.remainder(self.frames) >= self.frames - self.lead).flatten()
        return again, slots[again] - self.frames * self.depth
