# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The memory layout of step-by-step sampling: where tokens, positions, keys and values are found.

Keys and values live in ring buffers, one for each frame in progress. A ring is only as deep as the window reaches,
since a place in wave tau sees nothing before wave tau - (a r_t + b r_h + r_w). This is also why an endless video can
be sampled in constant memory: the tokens of R frames are kept, and the places of frame t overwrite those of frame
t - R.

A frame sees itself and the r_t frames before it, and the rings of these frames have to be adjacent. When frame t wraps
around to the first ring, the r_t frames before it are in the last rings. Those frames are therefore written a second
time, in front of the first ring.

Legend: n places of one step, K strictly causal offsets of the window, T, H, W the visual grid, R kept frames, S slots
of all rings.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Self

import torch

from nuwa_hf.generation.schedule import FrameTimes, plan_steps
from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.neighborhood import causal_offsets, coordinate_table


SLOT_MULTIPLE = 8  # attention kernels on CUDA expect aligned mask rows
# On a CPU, a large step attends in pieces of a few frames each, which skips most of the slots that are not seen.
FRAMES_AT_ONCE = 2
LARGE_STEP = 2**15  # places times slots


@dataclass(frozen=True)
class Piece:
    """Places of a step that attend together: rows [`first`, `last`) attend to slots [`first_slot`, `last_slot`).

    Args:
        first (`int`): the first row of the step.
        last (`int`): one past the last row.
        first_slot (`int`): the first slot that any of these places may see.
        last_slot (`int`): one past the last slot.
    """

    first: int
    last: int
    first_slot: int
    last_slot: int


@dataclass(frozen=True)
class Step:
    """The places that are sampled together, with the indices of everything they read and write.

    Args:
        places (`torch.LongTensor` of shape `(n,)`): indices of their tokens among the kept ones, in [0, R H W).
        indices (`list[int]`): the same numbers as a list; reading them from a device would synchronise every step.
        coordinates (`torch.LongTensor` of shape `(3, n)`): t, h and w of their learnt positions.
        near (`torch.LongTensor` of shape `(n, K)`): indices of the tokens just before each place; 0 outside the grid.
        inside (`torch.BoolTensor` of shape `(n, K)`): False where an offset leaves the grid.
        slots (`torch.LongTensor` of shape `(m,)`): the slots that their keys and values are written to, with m >= n.
        rows (`torch.LongTensor` of shape `(m,)`, *optional*): which of the places is written to each of `slots`; None
            if every place has one slot, in order.
        near_slots (`torch.LongTensor` of shape `(n, K + 1)`): the slots that each place sees, its own last. Where an
            offset leaves the grid, the place's own slot stands in.
        pieces (`tuple[Piece, ...]`): which places attend together, in order.
    """

    places: torch.Tensor
    indices: list[int]
    coordinates: torch.Tensor
    near: torch.Tensor
    inside: torch.Tensor
    slots: torch.Tensor
    rows: torch.Tensor | None
    near_slots: torch.Tensor
    pieces: tuple[Piece, ...]

    def to(self, device: torch.device) -> Self:
        """The same step with its tensors on a device."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return replace(self, **{name: value.to(device) for name, value in values if isinstance(value, torch.Tensor)})


@dataclass(frozen=True)
class StepPlan:
    """All steps of a grid, planned in advance.

    Args:
        steps (`tuple[Step, ...]`): the steps in order; together they hold every place once.
        num_slots (`int`): S.
    """

    steps: tuple[Step, ...]
    num_slots: int

    def to(self, device: torch.device) -> Self:
        """The same plan with its tensors on a device."""
        return replace(self, steps=tuple(step.to(device) for step in self.steps))


class _Rings:
    """The number of rings, their depth, and the slot of each place.

    Args:
        timing (`FrameTimes`): the times at which the places of a frame are sampled.
        grid (`Grid`): (T, H, W); for an endless video, T is a number that is never reached.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
    """

    def __init__(self, timing: FrameTimes, grid: Grid, window: tuple[int, int, int]):
        order = torch.argsort(timing.times, stable=True)
        self.rank = torch.empty_like(order)  # of each place in its frame's sampling order
        self.rank[order] = torch.arange(len(order))
        self.radius = window[0] // 2
        at_once = -(-timing.span // timing.stride) if timing.stride else grid.t
        self.frames = min(grid.t, self.radius + at_once)
        self.lead = self.radius if grid.t > self.frames else 0  # number of frames that are written a second time
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


class _Layout:
    """Turns the coordinates of places into steps."""

    def __init__(self, kept: Grid, rings: _Rings, window: tuple[int, int, int], device: torch.device, in_pieces: bool):
        self.kept, self.rings, self.device = kept, rings, device  # `kept` is the grid (R, H, W) of kept tokens
        self.in_pieces = in_pieces
        self.offsets = torch.tensor(causal_offsets(window)[:-1], dtype=torch.long).view(-1, 3)

    def lay(self, coordinates: torch.Tensor, sizes: list[int], learnt_frames: int) -> Iterator[Step]:
        """Split `(n, 3)` coordinates into steps of the given sizes; frames may exceed the kept and the learnt ones."""
        kept, rings = self.kept, self.rings
        extents, strides = torch.tensor(tuple(kept)), torch.tensor([kept.h * kept.w, kept.w, 1])
        frame, inner = coordinates[:, 0], coordinates[:, 1:] @ strides[1:]
        near = coordinates[:, None] + self.offsets  # (n, K, 3)
        inside = ((near[..., 1:] >= 0) & (near[..., 1:] < extents[1:])).all(-1) & (near[..., 0] >= 0)
        near_inner = (near[..., 1:] @ strides[1:]).where(inside, 0)
        slots = rings.slots(frame, inner)
        near_slots = rings.slots(frame[:, None], near_inner, -self.offsets[:, 0]).where(inside, slots[:, None])
        places = coordinates.remainder(extents) @ strides
        again = 1 + (frame - 1).remainder(learnt_frames - 1) if learnt_frames > 1 else torch.zeros_like(frame)
        whole = {
            "places": places,
            "coordinates": torch.stack([torch.where(frame < learnt_frames, frame, again), *coordinates.T[1:]], 1),
            "near": (near.remainder(extents) @ strides).where(inside, 0),
            "inside": inside,
            "near_slots": torch.cat([near_slots, slots[:, None]], 1),
        }
        whole = {name: tensor.to(self.device).split(sizes) for name, tensor in whole.items()}
        on_cpu = (tensor.split(sizes) for tensor in (frame, slots, places))
        for index, (frames, own, here) in enumerate(zip(*on_cpu, strict=True)):
            written, rows = own, None
            ahead = frames.remainder(rings.frames) - (rings.frames - rings.lead)
            twice = torch.nonzero(ahead >= 0).flatten()
            if len(twice):
                in_front = own[twice] - rings.frames * rings.depth
                written = torch.cat([own, in_front]).to(self.device)
                rows = torch.cat([torch.arange(len(own)), twice]).to(self.device)
            parts = {name: tensors[index] for name, tensors in whole.items()}
            parts["coordinates"] = parts["coordinates"].T
            pieces = self._pieces(frames.tolist())
            yield Step(slots=written.to(self.device), rows=rows, pieces=pieces, indices=here.tolist(), **parts)

    def _pieces(self, frames: list[int]) -> tuple[Piece, ...]:
        rings, count = self.rings, len(frames)
        if not self.in_pieces or count * rings.num_slots < LARGE_STEP:
            return (Piece(0, count, 0, rings.num_slots),)
        pieces, first = [], 0
        while first < count:
            start = frames[first] % rings.frames
            # The last ring is followed by the first one again, so a piece ends there.
            stop = frames[first] + min(FRAMES_AT_ONCE, rings.frames - start)
            last = next((row for row in range(first, count) if frames[row] >= stop), count)
            end = frames[last - 1] % rings.frames
            seen = max(0, rings.lead + start - rings.radius)
            pieces.append(Piece(first, last, seen * rings.depth, (rings.lead + end + 1) * rings.depth))
            first = last
        return tuple(pieces)


@lru_cache(maxsize=64)
def count_slots(grid: Grid, window: tuple[int, int, int], schedule: str) -> int:
    """How many slots the keys and values of a layer need.

    Args:
        grid (`Grid`): the grid to sample.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.

    Returns:
        `int`: S.

    Raises:
        ValueError: If the schedule is unknown.
    """
    return _Rings(FrameTimes(grid.h, grid.w, window, schedule), grid, window).num_slots


@lru_cache(maxsize=16)
def plan_grid(grid: Grid, window: tuple[int, int, int], schedule: str, in_pieces: bool) -> StepPlan:
    """Plan the steps of a grid, on the CPU. The plan is cached and shared: do not write to its tensors.

    Args:
        grid (`Grid`): the grid to sample.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.
        in_pieces (`bool`): whether a large step attends a few frames at a time, which is faster on a CPU.

    Returns:
        `StepPlan`: the plan, in which all frames are kept (R = T) and have their own learnt positions.

    Raises:
        ValueError: If the schedule is unknown.
    """
    with torch.inference_mode(False):  # a tensor made in inference mode could not be used outside it
        order = plan_steps(grid, window, schedule)
        rings = _Rings(FrameTimes(grid.h, grid.w, window, schedule), grid, window)
        coordinates = coordinate_table(grid, grid, torch.device("cpu"))[:, torch.cat(order)].T
        layout = _Layout(grid, rings, window, torch.device("cpu"), in_pieces)
        steps = layout.lay(coordinates, [len(places) for places in order], grid.t)
        return StepPlan(tuple(steps), rings.num_slots)


class EndlessPlan:
    """The steps of an endless video, made on demand.

    Frame t is complete a few waves after frame t - 1. Frames beyond the T learnt ones cycle through the learnt
    positions 1, ..., T - 1, 1, ... Position 0 is left out, since in training nothing ever came before it.

    Args:
        learnt (`Grid`): the learnt grid (T, H, W); every frame has H x W places.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.
        device (`torch.device`): where the tensors live.

    Attributes:
        kept (`Grid`): the grid (R, H, W) of kept tokens; frame t is stored at index t modulo R.
        num_slots (`int`): S.
    """

    def __init__(self, learnt: Grid, window: tuple[int, int, int], schedule: str, device: torch.device):
        self.learnt, timing = learnt, FrameTimes(learnt.h, learnt.w, window, schedule)
        timing.stride = timing.stride or timing.span  # frames that do not see each other are sampled one by one
        self.stride, self.span = timing.stride, timing.span
        self.places_at = [torch.nonzero(timing.times == time).flatten() for time in range(timing.span)]
        rings = _Rings(timing, Grid(2**62, learnt.h, learnt.w), window)
        self.kept = Grid(rings.frames, learnt.h, learnt.w)
        self.num_slots = rings.num_slots
        self._layout = _Layout(self.kept, rings, window, device, in_pieces=device.type == "cpu")

    def __iter__(self) -> Iterator[tuple[Step, int | None, int | None]]:
        """Yield each step, the frame that begins with it (or None) and the frame that it completes (or None)."""
        tau = 0
        while True:
            frames = range(max(0, -(-(tau - self.span + 1) // self.stride)), tau // self.stride + 1)
            rows = [
                torch.stack([torch.full_like(places, t), places // self.learnt.w, places % self.learnt.w], 1)
                for t in frames
                for places in [self.places_at[tau - self.stride * t]]
            ]
            coordinates = torch.cat(rows)
            if len(coordinates):
                begins = frames[-1] if tau % self.stride == 0 else None
                ends = frames[0] if tau - self.stride * frames[0] == self.span - 1 else None
                (step,) = self._layout.lay(coordinates, [len(coordinates)], self.learnt.t)
                yield step, begins, ends
            tau += 1
