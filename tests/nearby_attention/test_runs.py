# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from nearby_cases import CASES, name_of

from nuwa_hf.grid import Grid
from nuwa_hf.nearby_attention import NearbyPattern, neighborhood_mask
from nuwa_hf.nearby_attention.backends.runs import runs


@pytest.mark.parametrize("of_keys", [False, True], ids=["keys of queries", "queries of keys"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_runs_of_a_block_hold_all_that_it_meets_and_nothing_twice(case, of_keys):
    mask = neighborhood_mask(*case)
    for size in (1, 4, 64):
        table = runs(NearbyPattern(*case), of_keys, size, torch.device("cpu"))
        blocks = (mask.T if of_keys else mask).split(size)
        for met, starts, count in zip(blocks, table.starts.tolist(), table.counts.tolist(), strict=True):
            places = [start + i for start in starts[:count] for i in range(size)]
            assert len(places) == len(set(places))
            assert set(met.any(0).nonzero().flatten().tolist()) <= set(places)


@pytest.mark.parametrize("of_keys", [False, True], ids=["keys of queries", "queries of keys"])
def test_a_block_meets_as_many_runs_on_a_long_video_as_on_a_short_one(of_keys):
    def longest(frames):
        grid = Grid(frames, 21, 21)
        return runs(NearbyPattern(grid, grid, (3, 3, 3), True), of_keys, 64, torch.device("cpu")).starts.shape[1]

    assert longest(3) == longest(12) == 4
