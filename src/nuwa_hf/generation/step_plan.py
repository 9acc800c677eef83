# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The steps of a grid, planned in advance: where tokens, positions, keys and values of each step are found.

On a CPU every step has exactly its own places, and large steps attend in pieces. Elsewhere steps are padded to a few
widths: then a handful of programs serves all steps, each of which a CUDA graph can repeat.

Legend: n places of one step, K strictly causal offsets of the window, T, H, W the visual grid, R kept frames, S slots
of all rings.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import torch
from torch.nn import functional

from nuwa_hf.generation.key_rings import SLOT_MULTIPLE, KeyRings
from nuwa_hf.generation.schedule import FrameTimes, finished_frames, plan_steps
from nuwa_hf.generation.step_tables import Piece, StepShape, StepTables
from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.neighborhood import causal_offsets, coordinate_table


# On a CPU, a step skips the slots of frames that none of its places sees. A large step attends in pieces of a few
# frames each, which skips most of the others too.
FRAMES_AT_ONCE = 2
LARGE_STEP = 2**15  # places times slots
WIDTH_MULTIPLE = 8  # of places of a padded step


@dataclass(frozen=True)
class StepPlan:
    """Steps in order.

    Args:
        tables (`StepTables`): their tensors.
        shapes (`tuple[StepShape, ...]`): their shapes.
        completed (`tuple[tuple[int, ...], ...]`): the frames that each step completes.
        num_slots (`int`): S.
        is_padded (`bool`): whether steps are padded to a few widths.
    """

    tables: StepTables
    shapes: tuple[StepShape, ...]
    completed: tuple[tuple[int, ...], ...]
    num_slots: int
    is_padded: bool

    def to(self, device: torch.device) -> Self:
        """The same plan with its tensors on a device."""
        return replace(self, tables=self.tables.to(device))


def pads_steps(device: torch.device) -> bool:
    """Whether steps are padded on a device, where starting kernels costs more than a few more rows.

    Args:
        device (`torch.device`): where sampling runs.

    Returns:
        `bool`: False on a CPU and for models without data.
    """
    return device.type not in ("cpu", "meta")


def padded_width(count: int, widest: int) -> int:
    """How many places a padded step has: multiples of 8, each about half of the next wider one.

    Args:
        count (`int`): its places.
        widest (`int`): places of the widest step.

    Returns:
        `int`: n, at least `count`.
    """
    width = -(-widest // WIDTH_MULTIPLE)
    while width > 1 and -(-width // 2) * WIDTH_MULTIPLE >= count:
        width = -(-width // 2)
    return width * WIDTH_MULTIPLE


class StepLayout:
    """Turns the coordinates of places into steps.

    Args:
        kept (`Grid`): the grid (R, H, W) of kept tokens.
        rings (`KeyRings`): where keys and values stand.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        widest (`int`): places of the widest step.
        num_steps (`int`): rows of the tables, at least as many as there are steps.
        is_padded (`bool`): whether steps are padded to a few widths.

    Attributes:
        num_slots (`int`): S; padded steps have a few more, to which padding is written.
    """

    def __init__(
        self,
        kept: Grid,
        rings: KeyRings,
        window: tuple[int, int, int],
        widest: int,
        num_steps: int,
        is_padded: bool,
    ):
        self.kept, self.rings, self.is_padded = kept, rings, is_padded
        self.widest, self.num_steps = widest, num_steps
        self.num_slots = rings.num_slots + (SLOT_MULTIPLE if is_padded else 0)
        self.offsets = torch.tensor(causal_offsets(window)[:-1], dtype=torch.long).view(-1, 3)

    def lay(
        self, coordinates: torch.Tensor, sizes: list[int], learnt_frames: int
    ) -> tuple[StepTables, tuple[StepShape, ...]]:
        """Split coordinates into steps.

        Args:
            coordinates (`torch.LongTensor` of shape `(sum of sizes, 3)`): t, h and w of the places of all steps, in
                order; frames may exceed the kept and the learnt ones.
            sizes (`list[int]`): the places of each step.
            learnt_frames (`int`): frames with learnt positions of their own.

        Returns:
            `tuple[StepTables, tuple[StepShape, ...]]`: tensors and shapes of the steps.
        """
        kept, rings = self.kept, self.rings
        extents, strides = torch.tensor(tuple(kept)), torch.tensor([kept.h * kept.w, kept.w, 1])
        frame, inner = coordinates[:, 0], coordinates[:, 1:] @ strides[1:]
        near = coordinates[:, None] + self.offsets  # (places, K, 3)
        inside = ((near[..., 1:] >= 0) & (near[..., 1:] < extents[1:])).all(-1) & (near[..., 0] >= 0)
        near_inner = (near[..., 1:] @ strides[1:]).where(inside, 0)
        slots = rings.slots(frame, inner)
        near_slots = rings.slots(frame[:, None], near_inner, -self.offsets[:, 0]).where(inside, slots[:, None])
        places = coordinates.remainder(extents) @ strides
        again = 1 + (frame - 1).remainder(learnt_frames - 1) if learnt_frames > 1 else torch.zeros_like(frame)

        counts = torch.tensor(sizes)
        step = torch.arange(len(sizes)).repeat_interleave(counts)  # of each place
        column = torch.arange(len(step)) - (counts.cumsum(0) - counts)[step]
        second, second_slots = rings.second_slots(frame, slots)
        second_counts = torch.bincount(step[second], minlength=len(sizes))
        if self.is_padded:
            widths = torch.tensor([padded_width(size, self.widest) for size in sizes])
            writes, widest = widths * (2 if rings.lead else 1), padded_width(self.widest, self.widest)
        else:
            widths, writes, widest = counts, counts + second_counts, self.widest
        # Places that are written a second time come after all the others.
        second_column = torch.arange(len(second)) - (second_counts.cumsum(0) - second_counts)[step[second]]
        second_at = step[second], widths[step[second]] + second_column

        def table(values: torch.Tensor, padding: int, num_columns: int = widest) -> torch.Tensor:
            whole = values.new_full((self.num_steps, num_columns, *values.shape[1:]), padding)
            whole[step, column] = values
            return whole

        most_writes = widest * (2 if rings.lead else 1)
        written = table(slots, rings.num_slots, most_writes)
        written[second_at] = second_slots
        columns = torch.arange(most_writes).expand(self.num_steps, -1)
        rows = columns.where(columns < functional.pad(widths, (0, self.num_steps - len(sizes)))[:, None], 0)
        rows[second_at] = column[second]
        tables = StepTables(
            places=table(places, 0),
            targets=table(places, kept.numel),
            coordinates=table(
                torch.stack([torch.where(frame < learnt_frames, frame, again), *coordinates.T[1:]], 1), 0
            ),
            near=table((near.remainder(extents) @ strides).where(inside, 0), 0),
            inside=table(inside, False),
            slots=written,
            rows=rows,
            near_slots=table(torch.cat([near_slots, slots[:, None]], 1), rings.num_slots),
        )
        frames = frame.split(sizes)
        shapes = zip(widths.tolist(), writes.tolist(), map(self._pieces, frames), strict=True)
        return tables, tuple(StepShape(*shape) for shape in shapes)

    def _pieces(self, frame: torch.Tensor) -> tuple[Piece, ...]:
        rings, count = self.rings, len(frame)
        if self.is_padded:
            return (Piece(0, padded_width(count, self.widest), 0, self.num_slots),)
        frames, whole = frame.tolist(), (Piece(0, count, 0, rings.num_slots),)
        is_large = count * rings.num_slots >= LARGE_STEP
        at_once = FRAMES_AT_ONCE if is_large else rings.frames
        pieces, first = [], 0
        while first < count:
            start = frames[first] % rings.frames
            # The last ring is followed by the first one again, so a piece ends there.
            stop = frames[first] + min(at_once, rings.frames - start)
            last = next((row for row in range(first, count) if frames[row] >= stop), count)
            end = frames[last - 1] % rings.frames
            seen = max(0, rings.lead + start - rings.radius)
            pieces.append(Piece(first, last, seen * rings.depth, (rings.lead + end + 1) * rings.depth))
            first = last
        return tuple(pieces) if is_large or len(pieces) == 1 else whole


@lru_cache(maxsize=64)
def count_slots(grid: Grid, window: tuple[int, int, int], schedule: str) -> int:
    """How many slots the keys and values of a layer need.

    Args:
        grid (`Grid`): the grid to sample.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.

    Returns:
        `int`: S, without those of padding.

    Raises:
        ValueError: If the schedule is unknown.
    """
    return KeyRings(FrameTimes(grid.h, grid.w, window, schedule), grid, window).num_slots


@lru_cache(maxsize=16)
def plan_grid(grid: Grid, window: tuple[int, int, int], schedule: str, is_padded: bool) -> StepPlan:
    """Plan the steps of a grid, on the CPU. The plan is cached and shared: do not write to its tensors.

    Args:
        grid (`Grid`): the grid to sample.
        window (`tuple[int, int, int]`): full odd extents (t, h, w) of the decoder.
        schedule (`str`): `"wavefront"` or `"raster"`.
        is_padded (`bool`): whether steps are padded to a few widths; if not, a large step attends a few frames at a
            time, which is faster on a CPU.

    Returns:
        `StepPlan`: the plan, in which all frames are kept (R = T) and have their own learnt positions.

    Raises:
        ValueError: If the schedule is unknown.
    """
    with torch.inference_mode(False):  # a tensor made in inference mode could not be used outside it
        order = plan_steps(grid, window, schedule)
        sizes = [len(places) for places in order]
        rings = KeyRings(FrameTimes(grid.h, grid.w, window, schedule), grid, window)
        coordinates = coordinate_table(grid, grid, torch.device("cpu"))[:, torch.cat(order)].T
        layout = StepLayout(grid, rings, window, max(sizes), len(sizes), is_padded)
        tables, shapes = layout.lay(coordinates, sizes, grid.t)
        completed = finished_frames(grid, window, schedule)
        return StepPlan(tables, shapes, completed, layout.num_slots, is_padded)
