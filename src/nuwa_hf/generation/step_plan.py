# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Where everything stands while places are sampled step by step: tokens, positions, keys and values.

Keys and values live in a ring that is only as deep as the window reaches. A place of wave tau sees nothing before wave
tau - (a r_t + b r_h + r_w), so the ring holds that many waves and not the video: 8 of the 97 waves of the paper's.
That is also why a video without an end can be sampled in constant memory: tokens are kept for the frames that are
being written, and the places of frame t take the room of those of frame t - R.

Legend: n places of one step, K strictly causal offsets of the window, T, H, W the visual grid, R frames that are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch

from nuwa_hf.generation.schedule import plan_steps, wave_strides
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.nearby_attention.neighborhood import causal_offsets, coordinate_table


SLOT_MULTIPLE = 8  # attention kernels on CUDA want rows of a mask aligned


@dataclass(frozen=True)
class Step:
    """The places that are sampled together, and where they find what they read.

    Args:
        places (`torch.LongTensor` of shape `(n,)`): where their tokens stand, in [0, R H W).
        positions (`torch.LongTensor` of shape `(n,)`): their learnt positions, as places of the learnt grid.
        near (`torch.LongTensor` of shape `(n, K)`): where the tokens of the places just before stand; 0 outside.
        inside (`torch.BoolTensor` of shape `(n, K)`): False where an offset leaves the grid.
        slots (`torch.LongTensor` of shape `(n,)`): the room of their keys and values in the ring.
        near_slots (`torch.LongTensor` of shape `(n, K + 1)`): the room of what they see, themselves last; their own
            where an offset leaves the grid.
    """

    places: torch.Tensor
    positions: torch.Tensor
    near: torch.Tensor
    inside: torch.Tensor
    slots: torch.Tensor
    near_slots: torch.Tensor


@dataclass(frozen=True)
class StepPlan:
    """The steps of a grid, all known before the first one.

    Args:
        steps (`tuple[Step, ...]`): in order; every place once.
        num_slots (`int`): the depth of the ring, at least what any step needs.
    """

    steps: tuple[Step, ...]
    num_slots: int


class _Layout:
    """Turns coordinates of places into a `Step`; keeps which slot each kept place has."""

    def __init__(self, grid: Grid, window: tuple[int, int, int], num_slots: int, device: torch.device):
        self.grid = grid  # of the places that are kept: (R, H, W)
        self.offsets = torch.tensor(causal_offsets(window)[:-1], dtype=torch.long, device=device).view(-1, 3)
        self.extents = torch.tensor([grid.t, grid.h, grid.w], device=device)
        self.strides = torch.tensor([grid.h * grid.w, grid.w, 1], device=device)
        self.slot_of = torch.zeros(grid.numel, dtype=torch.long, device=device)
        self.num_slots, self.num_laid = num_slots, 0

    def lay(self, coordinates: torch.Tensor, learnt_frames: int) -> Step:
        """The step of places `(n, 3)`, whose frames may lie beyond those that are kept and those that were learnt."""
        near = coordinates[:, None] + self.offsets  # (n, K, 3)
        inside = ((near[..., 1:] >= 0) & (near[..., 1:] < self.extents[1:])).all(-1) & (near[..., 0] >= 0)
        near = (near.remainder(self.extents) @ self.strides).where(inside, 0)
        places = coordinates.remainder(self.extents) @ self.strides
        frame = coordinates[:, :1]
        again = 1 + (frame - 1).remainder(learnt_frames - 1) if learnt_frames > 1 else torch.zeros_like(frame)
        frame = torch.where(frame < learnt_frames, frame, again)
        positions = torch.cat([frame, coordinates[:, 1:]], 1) @ self.strides
        count = torch.arange(self.num_laid, self.num_laid + len(places), device=places.device)
        slots = count % self.num_slots
        self.num_laid += len(places)
        self.slot_of[places] = slots
        near_slots = self.slot_of[near].where(inside, slots[:, None])
        return Step(places, positions, near, inside, slots, torch.cat([near_slots, slots[:, None]], 1))


@lru_cache(maxsize=64)
def count_slots(grid: Grid, window: tuple[int, int, int], schedule: str) -> int:
    """How deep the ring of keys and values must be, so that nothing is written over while a step still reads it.

    Args:
        grid (`Grid`): what is sampled.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.

    Returns:
        `int`: places, rounded up to a multiple of 8.

    Raises:
        ValueError: If the schedule is unknown.
    """
    steps = plan_steps(grid, window, schedule)
    sizes = torch.tensor([len(places) for places in steps])
    order = torch.cat(steps)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(grid.numel)
    end = torch.repeat_interleave(sizes.cumsum(0), sizes)[rank]  # of the step of each place
    coordinates = coordinate_table(grid, grid, order.device).T
    depth = (end - rank).max()
    for offset in causal_offsets(window)[:-1]:
        near = coordinates + torch.tensor(offset)
        inside = ((near >= 0) & (near < torch.tensor(tuple(grid)))).all(1)
        if inside.any():
            near = near[inside] @ torch.tensor([grid.h * grid.w, grid.w, 1])
            depth = torch.maximum(depth, (end[inside] - rank[near]).max())
    return -(-int(depth) // SLOT_MULTIPLE) * SLOT_MULTIPLE


@lru_cache(maxsize=16)
def plan_grid(grid: Grid, window: tuple[int, int, int], schedule: str, device: torch.device) -> StepPlan:
    """The plan of a grid. Cached and shared: do not write to its tensors.

    Args:
        grid (`Grid`): what is sampled.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.
        device (`torch.device`): where the tensors live.

    Returns:
        `StepPlan`: R is T, and positions are places.

    Raises:
        ValueError: If the schedule is unknown.
    """
    with torch.inference_mode(False):  # a tensor born in inference mode could not be used outside it
        order = plan_steps(grid, window, schedule)
        num_slots = count_slots(grid, window, schedule)
        coordinates = coordinate_table(grid, grid, device)[:, torch.cat(order).to(device)].T
        laid = _Layout(grid, window, num_slots, device).lay(coordinates, grid.t)
        sizes = [len(places) for places in order]
        parts = zip(*(getattr(laid, name).split(sizes) for name in Step.__dataclass_fields__), strict=True)
        return StepPlan(tuple(Step(*part) for part in parts), num_slots)


class EndlessPlan:
    """The steps of a video without an end, made as they are asked for.

    Frame t is complete a few waves after frame t - 1. Frames beyond the T learnt ones go round the learnt positions
    again, but for the first, which training showed with nothing before it: 1, ..., T - 1, 1, ...

    Args:
        learnt (`Grid`): the learnt grid (T, H, W); frames are of H x W.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.
        device (`torch.device`): where the tensors live.

    Attributes:
        kept (`Grid`): (R, H, W), the places whose tokens are kept: frame t stands where t modulo R does.
        num_slots (`int`): the depth of the ring.
    """

    def __init__(self, learnt: Grid, window: tuple[int, int, int], schedule: str, device: torch.device):
        self.learnt, self.window, self.device = learnt, tuple(window), device
        radius_t = window[0] // 2
        # Times within a frame; in raster order a frame takes as many as it has places.
        if schedule == "raster":
            self.places_at = plan_steps(Grid(1, learnt.h, learnt.w), self.window, schedule)
            self.stride = learnt.h * learnt.w
        else:
            frame, row = wave_strides(self.window)
            i, j = torch.meshgrid(torch.arange(learnt.h), torch.arange(learnt.w), indexing="ij")
            tau = (row * i + j).flatten()
            self.places_at = tuple(torch.nonzero(tau == time).flatten() for time in range(int(tau.max()) + 1))
            self.stride = frame or len(self.places_at)  # frames that do not see each other follow one another
        frames_at_once = -(-len(self.places_at) // self.stride)
        self.kept = Grid(radius_t + frames_at_once, learnt.h, learnt.w)
        # From this many frames on, every wave looks like the one a stride before.
        steady = Grid(2 * self.kept.t + 1, learnt.h, learnt.w)
        self.num_slots = count_slots(steady, self.window, schedule)

    def __iter__(self) -> Iterator[tuple[Step, int | None, int | None]]:
        """Yield each step, the frame that begins with it and the frame that is complete after it."""
        layout = _Layout(self.kept, self.window, self.num_slots, self.device)
        span, tau = len(self.places_at), 0
        while True:
            frames = range(max(0, -(-(tau - span + 1) // self.stride)), tau // self.stride + 1)
            rows = [
                torch.stack([torch.full_like(places, t), places // self.learnt.w, places % self.learnt.w], 1)
                for t in frames
                for places in [self.places_at[tau - self.stride * t]]
            ]
            coordinates = torch.cat(rows)
            if len(coordinates):
                begins = frames[-1] if tau % self.stride == 0 else None
                ends = frames[0] if tau - self.stride * frames[0] == span - 1 else None
                yield layout.lay(coordinates.to(self.device), self.learnt.t), begins, ends
            tau += 1
