# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The 3-D grid of places on which text, images and videos are written as tokens."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nuwa_hf.argument_types import shown


@dataclass(frozen=True)
class Grid:
    """A grid of `t * h * w` places in raster order (NUWA, section "3D Data Representation").

    The width runs fastest. Text is `Grid(length, 1, 1)`, an image `Grid(1, h, w)`, a video `Grid(t, h, w)`.

    Args:
        t (`int`): places along time, at least 1.
        h (`int`): places along height, at least 1.
        w (`int`): places along width, at least 1.

    Raises:
        ValueError: If an extent is not a whole number of at least 1.
    """

    t: int
    h: int
    w: int

    def __post_init__(self):
        for name, extent in zip("thw", self, strict=True):
            is_whole = (isinstance(extent, int) and not isinstance(extent, bool)) or _is_symbolic(extent)
            if not is_whole or extent < 1:
                raise ValueError(
                    f"`{name}` of a Grid must be a whole number of at least 1, got {shown(extent)}; give an int."
                )

    def __iter__(self) -> Iterator[int]:
        return iter((self.t, self.h, self.w))

    @property
    def numel(self) -> int:
        """The number of places."""
        return self.t * self.h * self.w

    def place(self, t: int, i: int, j: int) -> int:
        """Raster index of the place at frame `t`, row `i`, column `j`."""
        return (t * self.h + i) * self.w + j

    def coordinates(self, place: int) -> tuple[int, int, int]:
        """Frame, row and column of a raster index: the inverse of `place`."""
        frame, rest = divmod(place, self.h * self.w)
        return (frame, *divmod(rest, self.w))

    def map_coordinates(self, coordinates: tuple[int, int, int], other: "Grid") -> tuple[int, int, int]:
        """Map coordinates of this grid into another: `(i, j, k) -> floor(i h'/h), floor(j w'/w), floor(k s'/s)`."""
        return tuple(c * theirs // mine for c, mine, theirs in zip(coordinates, self, other, strict=True))


def _is_symbolic(extent: Any) -> bool:
    """Whether an extent is a size that torch leaves open while it exports a program with dynamic shapes."""
    torch = sys.modules.get("torch")  # a grid itself needs no torch
    return torch is not None and isinstance(extent, torch.SymInt)
