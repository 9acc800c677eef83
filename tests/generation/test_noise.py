# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The distribution of the noise, and which generator draws it. With fixed seeds, a p-value below 0.001 is a bug."""

import math

import pytest
import torch

from nuwa_hf.generation.logit_rules import LogitRules
from nuwa_hf.generation.noise import PlaceNoise
from nuwa_hf.generation.sampling import SamplingSettings
from nuwa_hf.grid import Grid


CPU = torch.device("cpu")


def noise_of(generator, grid=(2, 3, 4), batch_size=3, codebook_size=7, frames=None):
    noise = PlaceNoise(Grid(*grid), batch_size, codebook_size, generator, CPU)
    for frame in range(grid[0] if frames is None else frames):
        noise.begin_frame(frame)
    return noise.at(torch.arange(math.prod(grid)))


def many_draws(logits, count=200_000, seed=0):
    noise = noise_of(torch.Generator().manual_seed(seed), (1, count, 1), 1, len(logits))
    return (logits + noise[0]).argmax(-1)


def p_value(observed, expected):
    """The p-value of Pearson's chi-squared test."""
    statistic = ((observed - expected) ** 2 / expected).sum()
    freedom = torch.tensor(len(expected) - 1.0, dtype=torch.float64)
    return float(torch.special.gammaincc(freedom / 2, statistic / 2))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.6},
        {"temperature": 1.7, "top_k": 5},
        {"top_p": 0.8},
        {"top_k": 9, "top_p": 0.7},
        {"min_p": 0.1},
    ],
)
def test_tokens_follow_the_softmax_of_the_processed_logits(settings):
    logits = torch.randn(1, 12, generator=torch.Generator().manual_seed(4)).mul(1.5)
    logits = LogitRules(SamplingSettings(**settings), 1, 12, logits.device).warp(logits[None])[0, 0]
    kept = logits.isfinite()
    observed = many_draws(logits).bincount(minlength=12).double()
    assert observed[~kept].sum() == 0
    assert p_value(observed[kept], 200_000 * logits.double().softmax(-1)[kept]) > 1e-3


def test_tokens_of_a_wide_codebook_follow_the_softmax_too():
    logits = torch.randn(4096, generator=torch.Generator().manual_seed(4)).mul(2)
    probabilities = logits.double().softmax(-1)
    groups = torch.arange(4096) % 61
    observed = groups[many_draws(logits, 5_000)].bincount(minlength=61).double()
    assert p_value(observed, 5_000 * torch.zeros(61, dtype=torch.float64).index_add(0, groups, probabilities)) > 1e-3


@pytest.mark.parametrize("distance", [1, 21])
def test_tokens_of_two_places_are_independent(distance):
    tokens = many_draws(torch.tensor([0.0, 0.7, -0.7]))
    pairs = tokens[:-distance] * 3 + tokens[distance:]
    law = torch.tensor([0.0, 0.7, -0.7]).double().softmax(-1)
    assert p_value(pairs.bincount(minlength=9).double(), len(pairs) * torch.outer(law, law).flatten()) > 1e-3


def test_numbers_are_gumbel_distributed_and_independent_between_codes():
    noise = noise_of(torch.Generator().manual_seed(0), (1, 500, 1), 1, 400)[0].double()
    uniform = torch.exp(-torch.exp(-noise))
    cells = (uniform * 20).long().clamp(max=19)
    for pairs in (cells[:, :-1] * 20 + cells[:, 1:], cells[:, :-8] * 20 + cells[:, 8:], cells[:-1] * 20 + cells[1:]):
        count = pairs.numel()
        observed = pairs.flatten().bincount(minlength=400).double()
        assert p_value(observed, torch.full((400,), count / 400, dtype=torch.float64)) > 1e-3


def test_the_smallest_and_the_largest_number_are_finite(monkeypatch):
    """The bits are forced to those that give the smallest and the largest number."""
    noise = PlaceNoise(Grid(1, 1, 2), 1, 1, None, CPU)
    monkeypatch.setattr("nuwa_hf.generation.noise.SECOND_FACTOR", 1)
    for ends in (0, -1, 2**63 - 1, -(2**63)):
        monkeypatch.setattr("nuwa_hf.generation.noise._xor_shift", lambda bits, count, ends=ends: bits.fill_(ends))
        numbers = noise.at(torch.arange(2))
        assert numbers.isfinite().all()
        assert -2.9 < numbers.min() <= numbers.max() < 43.7


def test_each_generator_of_a_list_draws_its_own_item():
    together = noise_of([torch.Generator().manual_seed(seed) for seed in (3, 1, 2)])
    for item, seed in zip(together, (3, 1, 2), strict=True):
        assert torch.equal(item, noise_of(torch.Generator().manual_seed(seed), batch_size=1)[0])


def test_one_generator_draws_frame_by_frame_and_item_by_item():
    generator = torch.Generator().manual_seed(0)
    together = noise_of(generator).view(3, 2, 12, 7)
    one = torch.Generator().manual_seed(0)
    for frame in range(2):
        for item in range(3):
            assert torch.equal(together[item, frame], noise_of(one, (1, 3, 4), 1)[0])
    assert torch.equal(generator.get_state(), one.get_state())


def test_a_later_frame_replaces_an_old_one():
    long = noise_of(torch.Generator().manual_seed(0), (5, 3, 4)).view(3, 5, 12, 7)
    kept = noise_of(torch.Generator().manual_seed(0), (2, 3, 4), frames=5).view(3, 2, 12, 7)
    assert torch.equal(kept, long[:, [4, 3]])


def test_numbers_do_not_depend_on_other_places_or_the_number_of_threads():
    noise = PlaceNoise(Grid(1, 40, 40), 2, 160, torch.Generator().manual_seed(0), CPU)
    noise.begin_frame(0)
    places = torch.tensor([1500, 3, 77])
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            assert torch.equal(noise.at(torch.arange(1600))[:, places], noise.at(places))
    finally:
        torch.set_num_threads(threads)
