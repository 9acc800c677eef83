# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Tests of `nuwa_hf.datasets.spread_rows`."""

import pytest

from nuwa_hf.datasets.spread_rows import golden_place, spread_rows


@pytest.mark.parametrize("num_rows", [0, 1, 7, 24, 25, 60, 120, 1000, 10**9])
@pytest.mark.parametrize("count", [1, 4, 8, 24, 64])
def test_rows_are_one_of_each_equal_part_or_all(num_rows, count):
    rows = spread_rows(num_rows, count)
    assert len(rows) == min(num_rows, count)
    if num_rows <= count:
        assert rows == list(range(num_rows))
    for part, row in enumerate(rows):
        assert part * num_rows // len(rows) <= row < (part + 1) * num_rows // len(rows)


@pytest.mark.parametrize("num_rows", [96, 120, 240, 960, 1200])
def test_rows_are_of_all_classes_that_stand_by_turns(num_rows):
    """At equal distances they would be of one class wherever the distance is a multiple of the classes."""
    for classes in (2, 3, 4):
        assert len({row % classes for row in spread_rows(num_rows, 24)}) == classes


@pytest.mark.parametrize("length", [2, 3, 6, 10])
def test_places_are_equally_frequent_over_every_step_through_the_numbers(length):
    for step in range(1, 30):
        for first in range(step):
            places = [golden_place(first + step * turn, length) for turn in range(600)]
            counts = [places.count(place) for place in range(length)]
            assert sum(counts) == 600
            assert max(counts) < 1.4 * 600 / length
