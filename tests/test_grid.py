# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import itertools

import pytest

from nuwa_hf.grid import Grid


GRIDS = [Grid(1, 1, 1), Grid(7, 1, 1), Grid(1, 5, 3), Grid(4, 7, 5), Grid(2, 3, 2)]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_raster_order_counts_places_with_the_width_fastest(grid):
    every = itertools.product(range(grid.t), range(grid.h), range(grid.w))
    assert [grid.place(*coordinates) for coordinates in every] == list(range(grid.numel))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_coordinates_are_the_inverse_of_place(grid):
    assert [grid.place(*grid.coordinates(n)) for n in range(grid.numel)] == list(range(grid.numel))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_mapping_a_place_into_its_own_grid_is_the_identity(grid):
    for n in range(grid.numel):
        assert grid.map_coordinates(grid.coordinates(n), grid) == grid.coordinates(n)


@pytest.mark.parametrize(("grid", "other"), list(itertools.permutations(GRIDS, 2)), ids=str)
def test_mapped_coordinates_lie_in_the_other_grid_and_never_run_backwards(grid, other):
    mapped = [grid.map_coordinates(grid.coordinates(n), other) for n in range(grid.numel)]
    for coordinates in mapped:
        assert all(0 <= c < extent for c, extent in zip(coordinates, other, strict=True))
    assert mapped[0] == (0, 0, 0)
    for axis, extent in enumerate(grid):
        along = [tuple(n if a == axis else 0 for a in range(3)) for n in range(extent)]
        reached = [grid.map_coordinates(coordinates, other)[axis] for coordinates in along]
        assert reached == sorted(reached)


def test_mapping_rounds_down():
    assert Grid(3, 4, 5).map_coordinates((2, 3, 4), Grid(2, 2, 2)) == (1, 1, 1)
    assert Grid(3, 4, 5).map_coordinates((1, 1, 2), Grid(2, 2, 2)) == (0, 0, 0)
    assert Grid(2, 2, 2).map_coordinates((1, 1, 1), Grid(3, 4, 5)) == (1, 2, 2)


def test_a_grid_unpacks_as_t_h_w_and_counts_its_places():
    t, h, w = Grid(2, 3, 4)
    assert (t, h, w) == (2, 3, 4)
    assert Grid(2, 3, 4).numel == 24


def test_equal_grids_are_equal_keys_of_a_cache():
    assert len({Grid(2, 3, 4), Grid(2, 3, 4), Grid(2, 4, 3)}) == 2


@pytest.mark.parametrize("extent", [0, -1, 2.0, True, None, "3"], ids=repr)
@pytest.mark.parametrize("axis", ["t", "h", "w"])
def test_an_extent_that_is_no_positive_whole_number_is_refused_by_name(axis, extent):
    with pytest.raises(ValueError, match=f"`{axis}` of a Grid must be a whole number of at least 1"):
        Grid(**{**{"t": 1, "h": 1, "w": 1}, axis: extent})
