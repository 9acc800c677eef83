# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Random masks of the given places of images and videos, from which the model learns to complete, predict and edit.

Legend: B batch, T, H, W token grid. A mask is True where a token is given.
"""

from collections.abc import Callable

import torch

from nuwa_hf.grid import Grid


LEAST_SHARE, MOST_SHARE = 0.05, 0.95  # shares of the places if they are drawn one by one


def first_frames_known(grid: Grid, counts: torch.Tensor) -> torch.Tensor:
    """Masks whose first frames are given.

    Args:
        grid (`Grid`): T frames of H x W places.
        counts (`torch.LongTensor` of shape `(B,)`): how many frames are given for each item, in [0, T].

    Returns:
        `torch.BoolTensor` of shape `(B, T, H, W)`.
    """
    is_known_BT = torch.arange(grid.t) < counts[:, None]
    return is_known_BT[:, :, None, None].expand(-1, *grid).clone()


def random_known_masks(grid: Grid, rows: int, generator: torch.Generator) -> torch.Tensor:
    """Masks of random kinds, each with at least one given place and one that is not given.

    The kinds are equally likely. For an image, given is: one side of a straight cut; all but a rectangle; only a
    rectangle; single places. For a video: the first frames; all but a rectangle in every frame; the same and the whole
    first frame; single places.

    Args:
        grid (`Grid`): T frames of H x W places; one frame is an image.
        rows (`int`): how many masks.
        generator (`torch.Generator`): source of all random numbers, on the CPU.

    Returns:
        `torch.BoolTensor` of shape `(rows, T, H, W)`.

    Raises:
        ValueError: If a frame has only one place, so that no part of it can be given.
    """
    if grid.h * grid.w < 2:
        raise ValueError(f"`grid` must have at least 2 places in a frame, got {tuple(grid)}; use a larger one.")
    kinds = IMAGE_KINDS if grid.t == 1 else VIDEO_KINDS
    return torch.stack([_draw(kinds[_integer(0, len(kinds), generator)], grid, generator) for _ in range(rows)])


def _draw(kind: Callable, grid: Grid, generator: torch.Generator) -> torch.Tensor:
    while True:  # a rectangle may fill the frame, and single places may all be drawn alike
        mask_THW = kind(grid, generator)
        if mask_THW.any() and not mask_THW.all():
            return mask_THW


def _side(grid: Grid, generator: torch.Generator) -> torch.Tensor:
    axis = _integer(0, 2, generator) if min(grid.h, grid.w) > 1 else int(grid.h == 1)
    extent = (grid.h, grid.w)[axis]
    is_first = torch.arange(extent) < _integer(1, extent, generator)
    is_known = is_first if _integer(0, 2, generator) else ~is_first
    return (is_known[:, None] if axis == 0 else is_known[None, :]).expand(*grid)


def _rectangle(grid: Grid, generator: torch.Generator) -> torch.Tensor:
    """A random rectangle, the same in all frames: True inside."""
    mask_THW = torch.zeros(*grid, dtype=torch.bool)
    height, width = (_integer(1, extent + 1, generator) for extent in (grid.h, grid.w))
    top, left = _integer(0, grid.h - height + 1, generator), _integer(0, grid.w - width + 1, generator)
    mask_THW[:, top : top + height, left : left + width] = True
    return mask_THW


def _hole(grid: Grid, generator: torch.Generator) -> torch.Tensor:
    return ~_rectangle(grid, generator)


def _hole_after_first_frame(grid: Grid, generator: torch.Generator) -> torch.Tensor:
    mask_THW = _hole(grid, generator)
    mask_THW[0] = True
    return mask_THW


def _places(grid: Grid, generator: torch.Generator) -> torch.Tensor:
    share = LEAST_SHARE + (MOST_SHARE - LEAST_SHARE) * torch.rand((), generator=generator)
    return torch.rand(*grid, generator=generator) < share


def _first_frames(grid: Grid, generator: torch.Generator) -> torch.Tensor:
    return first_frames_known(grid, torch.tensor([_integer(1, grid.t, generator)]))[0]


def _integer(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, high, (), generator=generator))


IMAGE_KINDS = (_side, _hole, _rectangle, _places)
VIDEO_KINDS = (_first_frames, _hole, _hole_after_first_frame, _places)
