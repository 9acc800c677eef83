# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which places are near which: the definition of 3D Nearby Attention in integers.

A place `(t, i, j)` of the query grid maps to `(floor(t t'/t), floor(i h'/h), floor(j w'/w))` of the key grid. Its
neighbourhood is the window of full odd extents around that place, clipped at the border of the key grid; an extent of
`None` means every place along that axis. A causal neighbourhood keeps only places at or before the query in raster
order.

Legend: N places of the query grid, M places of the key grid, K offsets of a window.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch

from ..grid import Grid
from .tables import table


# Deviation: the paper writes |a - i'| <= e but sizes the set e x e x e; here an extent is the full window, 3 means
# one place to either side (docs/deviations.md#windows).
Window = Sequence[int | None]
AXES = ("t", "h", "w")


def check_window(window: Window) -> tuple[int | None, int | None, int | None]:
    """Check that a window has three extents, each positive and odd or `None`, and return it as a tuple.

    Args:
        window (`Sequence[int | None]` of length 3): full extents (t, h, w).

    Returns:
        `tuple[int | None, int | None, int | None]`: the same extents.

    Raises:
        ValueError: If there are not three extents, or one is neither `None` nor a positive odd whole number.
    """
    window = tuple(window)
    if len(window) != 3:
        raise ValueError(f"`window` must hold three extents (t, h, w), got {window}.")
    for axis, extent in zip(AXES, window, strict=True):
        if extent is None:
            continue
        if isinstance(extent, bool) or not isinstance(extent, int) or extent < 1 or extent % 2 == 0:
            raise ValueError(
                f"`window` must have positive odd extents (or None for all places along an axis), got {extent!r} "
                f"for {axis} in {window}; 3 means one place to either side."
            )
    return window


@dataclass(frozen=True)
class NearbyPattern:
    """Which keys each query sees. A pattern is hashable, so that results computed from it can be cached.

    Args:
        query_grid (`Grid`): the grid of the N queries.
        key_grid (`Grid`): the grid of the M keys.
        window (`tuple[int | None, int | None, int | None]`): full odd extents (t, h, w) in the key grid, `None` for
            all. An extent that covers its axis from every place is stored as `None`.
        causal (`bool`): whether only keys at or before the query in raster order are seen.

    Raises:
        ValueError: If the window is not valid, or a causal pattern has unequal grids.
    """

    query_grid: Grid
    key_grid: Grid
    window: tuple[int | None, int | None, int | None]
    causal: bool = False

    def __post_init__(self):
        window = check_window(self.window)
        if self.causal and self.query_grid != self.key_grid:
            raise ValueError(
                f"`causal=True` needs equal grids, as raster order is only defined within one; got query_grid "
                f"{tuple(self.query_grid)} and key_grid {tuple(self.key_grid)}. Use causal=False for cross-attention."
            )
        clipped = (None if e is None or e >= 2 * n - 1 else e for e, n in zip(window, self.key_grid, strict=True))
        object.__setattr__(self, "window", tuple(clipped))
        if not self.sees_whole_grid:
            # Masks and tables are made for one size, which a program with dynamic shapes becomes one of here.
            for name in ("query_grid", "key_grid"):
                object.__setattr__(self, name, Grid(*map(operator.index, getattr(self, name))))

    @property
    def sees_whole_grid(self) -> bool:
        """Whether the window covers the whole key grid from every place."""
        return self.window == (None, None, None)

    @property
    def radii(self) -> tuple[int, int, int]:
        """How far a window reaches to either side along (t, h, w)."""
        return tuple(n - 1 if e is None else e // 2 for e, n in zip(self.window, self.key_grid, strict=True))

    def axis_range(self, axis: int, index: int) -> range:
        """Key indices along `axis` (0, 1, 2 for t, h, w) that a query at `index` of that axis may see."""
        count, radius = tuple(self.key_grid)[axis], self.radii[axis]
        centre = index * count // tuple(self.query_grid)[axis]
        return range(max(0, centre - radius), min(count, centre + radius + 1))


@lru_cache(maxsize=65536)
def _neighborhood(place: int, pattern: NearbyPattern) -> tuple[int, ...]:
    ranges = (pattern.axis_range(axis, index) for axis, index in enumerate(pattern.query_grid.coordinates(place)))
    places = (pattern.key_grid.place(*coordinates) for coordinates in product(*ranges))
    return tuple(n for n in places if n <= place or not pattern.causal)


def neighborhood(place: int, query_grid: Grid, key_grid: Grid, window: Window, causal: bool = False) -> list[int]:
    """Key places near one query place (NUWA, section "3D Nearby Self-Attention").

        N(t, i, j) = { (a, b, c) : |a - t'| <= r_t, |b - i'| <= r_h, |c - j'| <= r_w }

    with (t', i', j') the place of the key grid that (t, i, j) maps to, and radii r = (extent - 1) / 2.

    Args:
        place (`int`): raster index of the query, in `[0, N)`.
        query_grid (`Grid`): the grid of the queries.
        key_grid (`Grid`): the grid of the keys.
        window (`Sequence[int | None]`): full odd extents (t, h, w), `None` for all places along an axis.
        causal (`bool`, *optional*, defaults to `False`): keep only places at or before the query in raster order.

    Returns:
        `list[int]`: sorted raster indices in the key grid, each in `[0, M)`; never empty.

    Raises:
        ValueError: If the place is outside the grid, the window is not valid, or causal grids are unequal.
    """
    if not 0 <= place < query_grid.numel:
        raise ValueError(
            f"`place` must be in [0, {query_grid.numel}) for query_grid {tuple(query_grid)}, got {place}."
        )
    return list(_neighborhood(place, NearbyPattern(query_grid, key_grid, window, causal)))


@lru_cache(maxsize=256)
def _offsets(radii: tuple[int, int, int], causal: bool) -> tuple[tuple[int, int, int], ...]:
    every = product(*(range(-r, r + 1) for r in radii))
    return tuple(offset for offset in every if offset <= (0, 0, 0) or not causal)


def _finite_radii(window: Window) -> tuple[int, int, int]:
    window = check_window(window)
    if None in window:
        raise ValueError(f"`window` must be finite along every axis to have offsets, got {window}; name odd extents.")
    return tuple(extent // 2 for extent in window)


def offsets(window: Window) -> list[tuple[int, int, int]]:
    """All offsets `(dt, dh, dw)` of a finite window, in raster order; the middle one is `(0, 0, 0)`.

    Args:
        window (`Sequence[int]`): full odd extents (t, h, w).

    Returns:
        `list[tuple[int, int, int]]`: one offset for each place of the window.

    Raises:
        ValueError: If an extent is `None`, even or not positive.
    """
    return list(_offsets(_finite_radii(window), False))


def causal_offsets(window: Window) -> list[tuple[int, int, int]]:
    """Offsets of a finite window at or before its centre, in raster order; the last one is `(0, 0, 0)`.

    Args:
        window (`Sequence[int]`): full odd extents (t, h, w).

    Returns:
        `list[tuple[int, int, int]]`: `(e_t e_h e_w + 1) / 2` offsets.

    Raises:
        ValueError: If an extent is `None`, even or not positive.
    """
    return list(_offsets(_finite_radii(window), True))


def coordinate_table(grid: Grid, other: Grid, device: torch.device) -> torch.Tensor:
    """Coordinates of every place of `grid`, mapped into `other`; one row for each of t, h, w.

    Args:
        grid (`Grid`): the grid of N places.
        other (`Grid`): the grid to map into; `grid` itself for plain coordinates.
        device (`torch.device`): where the table lives.

    Returns:
        `torch.Tensor` of shape `(3, N)`, int64: row x in `[0, extent of other along x)`.
    """
    axes = (torch.arange(n, device=device) * m // n for n, m in zip(grid, other, strict=True))
    return torch.stack([axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij")])


def mask_between(pattern: NearbyPattern, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """The mask of some queries against some keys.

    Args:
        pattern (`NearbyPattern`): which keys each query sees.
        queries (`torch.Tensor` of shape `(n,)`, int64): places of the query grid, each in `[0, N)`.
        keys (`torch.Tensor` of shape `(m,)`, int64): places of the key grid, each in `[0, M)`.

    Returns:
        `torch.Tensor` of shape `(n, m)`, bool: True where the query sees the key.
    """
    query_table = coordinate_table(pattern.query_grid, pattern.key_grid, queries.device)[:, queries, None]
    key_table = coordinate_table(pattern.key_grid, pattern.key_grid, keys.device)[:, None, keys]
    mask = queries[:, None] >= (keys if pattern.causal else torch.zeros_like(keys))
    for query, key, radius in zip(query_table, key_table, pattern.radii, strict=True):
        mask &= (query - key).abs() <= radius
    return mask


@table(maxsize=32)
def _mask(pattern: NearbyPattern, device: torch.device) -> torch.Tensor:
    queries = torch.arange(pattern.query_grid.numel, device=device)
    keys = torch.arange(pattern.key_grid.numel, device=device)
    return mask_between(pattern, queries, keys)


def pattern_mask(pattern: NearbyPattern, device: torch.device) -> torch.Tensor:
    """`neighborhood_mask` of a pattern; the tensor is shared, so it must not be written to.

    Args:
        pattern (`NearbyPattern`): which keys each query sees.
        device (`torch.device`): where the mask lives.

    Returns:
        `torch.Tensor` of shape `(N, M)`, bool.
    """
    return _mask(pattern, device)


def neighborhood_mask(
    query_grid: Grid,
    key_grid: Grid,
    window: Window,
    causal: bool = False,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """`neighborhood` of every place as one mask. Cached and shared: do not write to it.

    Args:
        query_grid (`Grid`): the grid of the N queries.
        key_grid (`Grid`): the grid of the M keys.
        window (`Sequence[int | None]`): full odd extents (t, h, w), `None` for all places along an axis.
        causal (`bool`, *optional*, defaults to `False`): keep only places at or before the query in raster order.
        device (`torch.device` or `str`, *optional*): where the mask lives; the CPU when not given.

    Returns:
        `torch.Tensor` of shape `(N, M)`, bool: True where the query (row) sees the key (column).

    Raises:
        ValueError: If the window is not valid or causal grids are unequal.
    """
    return _mask(NearbyPattern(query_grid, key_grid, window, causal), torch.device(device or "cpu"))


@table(maxsize=32)
def _table(
    query_grid: Grid, key_grid: Grid, radii: tuple[int, int, int], causal: bool, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    steps = torch.tensor(_offsets(radii, causal), device=device).T  # (3, K)
    near = coordinate_table(query_grid, key_grid, device)[:, :, None] + steps[:, None, :]  # (3, N, K)
    extents = torch.tensor(tuple(key_grid), device=device)[:, None, None]
    inside = ((near >= 0) & (near < extents)).all(0)
    places = (near[0] * key_grid.h + near[1]) * key_grid.w + near[2]
    return places.where(inside, 0), inside


def neighbor_table(
    grid: Grid,
    window: Window,
    causal: bool = False,
    key_grid: Grid | None = None,
    device: torch.device | str | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The places at every offset of the window around each place, for gathers. Cached and shared: do not write to it.

    Args:
        grid (`Grid`): the grid of the N queries.
        window (`Sequence[int | None]`): full odd extents (t, h, w); `None` reaches over the whole axis from any place.
        causal (`bool`, *optional*, defaults to `False`): only the offsets of `causal_offsets`, the place itself last.
        key_grid (`Grid`, *optional*): the grid of the keys; `grid` itself when not given.
        device (`torch.device` or `str`, *optional*): where the tables live; the CPU when not given.

    Returns:
        `tuple[torch.Tensor, torch.Tensor]`: `places` of shape `(N, K)`, int64, raster indices in `[0, M)`, and
        `inside` of shape `(N, K)`, bool. K runs over the offsets in raster order; where an offset leaves the key
        grid, `inside` is False and the place is 0.

    Raises:
        ValueError: If the window is not valid or causal grids are unequal.
    """
    window = check_window(window)
    key_grid = key_grid or grid
    NearbyPattern(grid, key_grid, window, causal)
    # Unlike a pattern's, these radii are not clipped: K must not depend on the grid when the window is finite.
    radii = tuple(n - 1 if e is None else e // 2 for e, n in zip(window, key_grid, strict=True))
    return _table(grid, key_grid, radii, causal, torch.device(device or "cpu"))
