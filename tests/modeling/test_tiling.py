# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
from itertools import pairwise

import pytest
import torch

from nuwa_hf.modeling.tiling import blend, keep_middles, tile_starts


SIZES = [(8, 8, 8, 2), (9, 8, 8, 2), (20, 13, 8, 2), (13, 20, 5, 4), (4, 30, 8, 3), (7, 7, 1, 0), (23, 6, 6, 0)]


@pytest.mark.parametrize(
    ("length", "tile", "overlap"), [(h, min(t, h), min(o, min(t, h) - 1)) for h, _, t, o in SIZES]
)
def test_tiles_cover_the_axis_and_overlap_at_least_as_asked(length, tile, overlap):
    starts = tile_starts(length, tile, overlap)
    assert starts[0] == 0
    assert starts[-1] + tile == length
    assert all(before < after <= before + tile - overlap for before, after in pairwise(starts))


@pytest.mark.parametrize(("height", "width", "tile", "overlap"), SIZES)
def test_kept_middles_of_cut_out_tiles_are_the_whole(height, width, tile, overlap):
    whole = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))

    def cut(top, bottom, left, right):
        return whole[..., top:bottom, left:right]

    assert torch.equal(keep_middles(cut, height, width, tile, overlap), whole)


@pytest.mark.parametrize(("height", "width", "tile", "overlap"), SIZES)
def test_blended_cut_out_tiles_are_the_whole(height, width, tile, overlap):
    whole = torch.randn(2, 3, height * 4, width * 4, generator=torch.Generator().manual_seed(0))

    def cut(top, bottom, left, right):
        return whole[..., top * 4 : bottom * 4, left * 4 : right * 4]

    # The shares of a place add up to 1 but for the rounding of float32; the values reach 5.
    torch.testing.assert_close(blend(cut, height, width, tile, overlap, 4), whole, rtol=0, atol=3e-6)


def test_blending_has_no_seam():
    """Two tiles of different brightness fade into each other without a step."""

    def brightness(top, bottom, left, right):
        return torch.full((1, 1, (bottom - top) * 4, (right - left) * 4), float(left > 0))

    row = blend(brightness, 8, 12, 8, 4, 4)[0, 0, 0]
    assert row[0] == 0
    assert row[-1] == 1
    steps = row.diff()
    assert (steps >= 0).all()
    assert steps.max() < 1.5 / (4 * 4)


def test_kept_place_comes_from_the_tile_whose_border_is_farthest():
    def distance_to_border(top, bottom, left, right):
        places = torch.arange(right - left)
        return torch.minimum(places, places.flip(0)).expand(bottom - top, -1)

    kept = keep_middles(distance_to_border, 8, 12, 8, 4)[0]
    assert kept.tolist() == [0, 1, 2, 3, 3, 2, 2, 3, 3, 2, 1, 0]
