# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import itertools
import math

import pytest
import torch
from nearby_cases import CASES, GRIDS, name_of

from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention import (
    NearbyPattern,
    causal_offsets,
    neighbor_table,
    neighborhood,
    neighborhood_mask,
    offsets,
)


WINDOWS = [(1, 1, 1), (3, 3, 3), (1, 3, 1), (5, 1, 3), (3, None, 1), (None, None, None), (99, 99, 99)]


def near_by_the_formula(place, query_grid, key_grid, window, causal):
    """The paper's set, computed from the formula alone, with its own raster indices."""
    (t, h, w), (kt, kh, kw) = query_grid, key_grid
    x, y, z = place // (h * w), place // w % h, place % w
    centre = (math.floor(x * kt / t), math.floor(y * kh / h), math.floor(z * kw / w))
    found = []
    for number, key in enumerate(itertools.product(range(kt), range(kh), range(kw))):
        close = all(e is None or 2 * abs(k - c) < e for k, c, e in zip(key, centre, window, strict=True))
        if close and (not causal or key <= (x, y, z)):
            found.append(number)
    return found


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("causal", [True, False], ids=["causal", "open"])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_self_neighborhoods_are_the_set_of_the_paper(grid, window, causal):
    for place in range(grid.numel):
        expected = near_by_the_formula(place, grid, grid, window, causal)
        assert neighborhood(place, grid, grid, window, causal) == expected


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize(
    ("query_grid", "key_grid"), [*itertools.permutations(GRIDS, 2), (Grid(2, 3, 5), Grid(4, 6, 5))], ids=str
)
def test_cross_neighborhoods_are_the_set_of_the_paper(query_grid, key_grid, window):
    for place in range(0, query_grid.numel, 3):
        expected = near_by_the_formula(place, query_grid, key_grid, window, False)
        assert neighborhood(place, query_grid, key_grid, window, False) == expected


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_mask_holds_the_neighborhood_of_every_place(case):
    mask = neighborhood_mask(*case)
    assert mask.shape == (case[0].numel, case[1].numel)
    assert [row.nonzero().flatten().tolist() for row in mask] == [neighborhood(n, *case) for n in range(len(mask))]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_table_holds_the_neighborhood_of_every_place_in_raster_order(case):
    query_grid, key_grid, window, causal = case
    places, inside = neighbor_table(query_grid, window, causal, key_grid)
    assert [p[i].tolist() for p, i in zip(places, inside, strict=True)] == [
        neighborhood(n, *case) for n in range(query_grid.numel)
    ]
    assert not places[~inside].any()


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("window", [(3, 3, 3), (5, 1, 3)], ids=str)
def test_the_table_has_a_column_for_every_offset_of_a_finite_window_whatever_the_grid(grid, window):
    assert neighbor_table(grid, window, causal=True)[0].shape == (grid.numel, len(causal_offsets(window)))
    assert neighbor_table(grid, window)[0].shape == (grid.numel, len(offsets(window)))


def test_the_last_column_of_a_causal_table_is_the_place_itself():
    places, inside = neighbor_table(Grid(3, 4, 2), (3, 3, 3), causal=True)
    assert inside[:, -1].all()
    assert places[:, -1].tolist() == list(range(24))


@pytest.mark.parametrize(("window", "count"), [((1, 1, 1), 1), ((3, 3, 3), 14), ((1, 3, 3), 5), ((5, 3, 7), 53)])
def test_causal_offsets_are_the_earlier_half_and_the_centre(window, count):
    found = causal_offsets(window)
    assert len(found) == count == (math.prod(window) + 1) // 2
    assert found == sorted(found)
    assert found[-1] == (0, 0, 0)
    assert sorted(set(found) | {tuple(-d for d in offset) for offset in found}) == offsets(window)


def test_offsets_are_every_place_of_the_window_once():
    assert offsets((1, 3, 1)) == [(0, -1, 0), (0, 0, 0), (0, 1, 0)]
    assert len(set(offsets((3, 5, 3)))) == 45


def test_windows_that_cover_an_axis_are_one_pattern():
    grid = Grid(2, 3, 4)
    assert NearbyPattern(grid, grid, (3, 5, 7)) == NearbyPattern(grid, grid, (None, None, 99))
    assert not NearbyPattern(grid, grid, (3, 5, 5)).sees_whole_grid


def test_a_mask_first_made_in_inference_mode_can_be_used_in_training():
    """Cached tensors outlive the call that made them, and autograd refuses tensors made in inference mode."""
    with torch.inference_mode():
        mask = neighborhood_mask(Grid(2, 1, 3), Grid(2, 1, 3), (1, 1, 3))
        places, inside = neighbor_table(Grid(2, 1, 3), (1, 1, 3))
    assert not any(tensor.is_inference() for tensor in (mask, places, inside))


def test_a_mask_made_under_a_default_device_of_meta_is_real():
    """`from_pretrained` builds modules under the meta device; a mask cached there would be empty for ever."""
    with torch.device("meta"):
        mask = neighborhood_mask(Grid(2, 3, 1), Grid(2, 3, 1), (3, 1, 1))
        places, _ = neighbor_table(Grid(2, 3, 1), (3, 1, 1))
    assert mask.device.type == places.device.type == "cpu"


def test_a_window_may_be_a_list_as_it_is_from_json():
    grid = Grid(2, 3, 2)
    assert neighborhood_mask(grid, grid, [3, 3, 3], True).equal(neighborhood_mask(grid, grid, (3, 3, 3), True))


@pytest.mark.parametrize("window", [(2, 3, 3), (3, 0, 3), (3, 3, -1), (3, 3, 1.0), (True, 3, 3)], ids=str)
def test_an_extent_that_is_not_odd_and_positive_is_refused(window):
    with pytest.raises(ValueError, match="`window` must have positive odd extents"):
        neighborhood(0, Grid(1, 1, 1), Grid(1, 1, 1), window, False)


def test_a_window_of_two_extents_is_refused():
    with pytest.raises(ValueError, match="`window` must hold three extents"):
        causal_offsets((3, 3))


@pytest.mark.parametrize("function", [offsets, causal_offsets])
def test_an_unbounded_window_has_no_offsets(function):
    with pytest.raises(ValueError, match="`window` must be finite"):
        function((3, None, 3))


@pytest.mark.parametrize("place", [-1, 6])
def test_a_place_outside_the_grid_is_refused(place):
    with pytest.raises(ValueError, match=r"`place` must be in \[0, 6\)"):
        neighborhood(place, Grid(1, 2, 3), Grid(1, 2, 3), (3, 3, 3), True)


def test_unequal_grids_have_no_causal_neighborhood():
    grids = Grid(1, 2, 3), Grid(2, 2, 3)
    with pytest.raises(ValueError, match="`causal=True` needs equal grids"):
        neighborhood_mask(*grids, (3, 3, 3), True)
    with pytest.raises(ValueError, match="`causal=True` needs equal grids"):
        neighbor_table(grids[0], (3, 3, 3), True, grids[1])
