# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.generation.schedule import plan_steps, wave_strides
from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention.neighborhood import neighborhood


CASES = [
    (Grid(t, h, w), window)
    for t, h, w in ((1, 1, 1), (1, 5, 3), (4, 7, 5), (2, 2, 2), (3, 1, 4))
    for window in ((3, 3, 3), (1, 3, 3), (3, 1, 3), (3, 3, 1), (1, 1, 1), (5, 3, 7))
]


@pytest.mark.parametrize(("grid", "window"), CASES)
def test_every_place_is_sampled_once_and_after_all_its_causal_neighbours(grid, window):
    steps = plan_steps(grid, window, "wavefront")
    assert sorted(torch.cat(steps).tolist()) == list(range(grid.numel))
    step_of = {int(place): index for index, places in enumerate(steps) for place in places}
    for place in range(grid.numel):
        for near in neighborhood(place, grid, grid, window, True):
            assert near == place or step_of[near] < step_of[place]


@pytest.mark.parametrize("grid", [Grid(10, 21, 21), Grid(1, 21, 21), Grid(6, 8, 8), Grid(4, 7, 5), Grid(4, 32, 32)])
@pytest.mark.parametrize("window", [(3, 3, 3), (3, 5, 3), (5, 3, 5)])
def test_number_of_steps_follows_the_formula(grid, window):
    b = window[2] // 2 + 1
    a = b * (window[1] // 2) + window[2] // 2 + 1
    assert wave_strides(window) == (a, b)
    assert len(plan_steps(grid, window, "wavefront")) == a * (grid.t - 1) + b * (grid.h - 1) + grid.w


def test_the_papers_sizes_take_97_and_61_steps():
    assert len(plan_steps(Grid(10, 21, 21), (3, 3, 3), "wavefront")) == 97
    assert len(plan_steps(Grid(1, 21, 21), (3, 3, 3), "wavefront")) == 61
    assert len(plan_steps(Grid(10, 21, 21), (3, 3, 3), "raster")) == 4410


def test_raster_takes_one_place_after_another():
    assert [places.tolist() for places in plan_steps(Grid(1, 2, 3), (3, 3, 3), "raster")] == [[n] for n in range(6)]


def test_an_axis_along_which_the_window_has_extent_one_costs_no_steps():
    assert len(plan_steps(Grid(7, 4, 5), (1, 3, 3), "wavefront")) == len(
        plan_steps(Grid(1, 4, 5), (1, 3, 3), "wavefront")
    )


def test_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match=r"`schedule` must be one of .* got 'spiral'"):
        plan_steps(Grid(1, 2, 2), (3, 3, 3), "spiral")
