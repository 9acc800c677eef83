# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a step reads and writes, as rows of tables: the step is chosen by a counter on the device, not by the host.

So a step is the same program each time, which a CUDA graph can repeat (`nuwa_hf.generation.sampling_steps`): what
differs are numbers in tensors. The host knows only the shape of a step.

Legend: C steps, n places of one step, m writes of one step, K strictly causal offsets of the window, R kept frames, H,
W rows and columns of a frame.
"""

from dataclasses import dataclass, fields
from typing import Self

import torch


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
class StepShape:
    """All that the host knows of a step. Steps of equal shape are one program.

    Args:
        num_places (`int`): n, with padding.
        num_writes (`int`): m, at least n.
        pieces (`tuple[Piece, ...]`): which places attend together, in order.
    """

    num_places: int
    num_writes: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Step:
    """The places that are sampled together, with the indices of everything they read and write.

    Padding reads the first place and is written where nobody reads it.

    Args:
        places (`torch.LongTensor` of shape `(n,)`): indices of their tokens among the kept ones, in [0, R H W).
        targets (`torch.LongTensor` of shape `(n,)`): where their tokens are written: `places`, and R H W for padding.
        coordinates (`torch.LongTensor` of shape `(3, n)`): t, h and w of their learnt positions.
        near (`torch.LongTensor` of shape `(n, K)`): indices of the tokens just before each place; 0 outside the grid.
        inside (`torch.BoolTensor` of shape `(n, K)`): False where an offset leaves the grid.
        slots (`torch.LongTensor` of shape `(m,)`): the slots that their keys and values are written to.
        rows (`torch.LongTensor` of shape `(m,)`, *optional*): which of the places is written to each of `slots`; None
            if every place has one slot, in order.
        near_slots (`torch.LongTensor` of shape `(n, K + 1)`): the slots that each place sees, its own last. Where an
            offset leaves the grid, the place's own slot stands in.
        pieces (`tuple[Piece, ...]`): which places attend together, in order.
    """

    places: torch.Tensor
    targets: torch.Tensor
    coordinates: torch.Tensor
    near: torch.Tensor
    inside: torch.Tensor
    slots: torch.Tensor
    rows: torch.Tensor | None
    near_slots: torch.Tensor
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class StepTables:
    """The tensors of all steps of a plan, stacked: row c is step c; narrow steps leave the last columns unused.

    Args:
        places (`torch.LongTensor` of shape `(C, n)`): see `Step`, also for the others.
        targets (`torch.LongTensor` of shape `(C, n)`): where tokens are written.
        coordinates (`torch.LongTensor` of shape `(C, n, 3)`): of the learnt positions.
        near (`torch.LongTensor` of shape `(C, n, K)`): tokens before each place.
        inside (`torch.BoolTensor` of shape `(C, n, K)`): which of them there are.
        slots (`torch.LongTensor` of shape `(C, m)`): where keys are written.
        rows (`torch.LongTensor` of shape `(C, m)`): whose keys are written there.
        near_slots (`torch.LongTensor` of shape `(C, n, K + 1)`): which keys each place sees.
    """

    places: torch.Tensor
    targets: torch.Tensor
    coordinates: torch.Tensor
    near: torch.Tensor
    inside: torch.Tensor
    slots: torch.Tensor
    rows: torch.Tensor
    near_slots: torch.Tensor

    def at(self, counter: torch.Tensor, shape: StepShape) -> Step:
        """The step that a counter stands at. The counter is read on its device only.

        Args:
            counter (`torch.LongTensor` of shape `(1,)`): c.
            shape (`StepShape`): the shape of this step.

        Returns:
            `Step`: its tensors.
        """

        def row(table: torch.Tensor, length: int) -> torch.Tensor:
            return table[:, :length].index_select(0, counter)[0]

        count = shape.num_places
        return Step(
            places=row(self.places, count),
            targets=row(self.targets, count),
            coordinates=row(self.coordinates, count).T,
            near=row(self.near, count),
            inside=row(self.inside, count),
            slots=row(self.slots, shape.num_writes),
            rows=None if shape.num_writes == count else row(self.rows, shape.num_writes),
            near_slots=row(self.near_slots, count),
            pieces=shape.pieces,
        )

    def to(self, device: torch.device) -> Self:
        """The same tables on a device."""
        return type(self)(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def load(self, other: Self) -> None:
        """Write the steps of other tables, at most as many and of the same widths, over the first of these."""
        for field in fields(self):
            new = getattr(other, field.name)
            getattr(self, field.name)[: len(new)].copy_(new)
