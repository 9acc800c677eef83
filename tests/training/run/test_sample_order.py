# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The order of samples, and the turns of several sources: pure, complete, and true to the weights."""

from fractions import Fraction

import pytest
import torch

from nuwa_hf.training.run.sample_order import LONGEST_TABLE, SLOTS_PER_BLOCK, merged, permuted, shuffled, turn


def turns(weights, indices, seed=0):
    return [turn(index, [Fraction(weight) for weight in weights], seed) for index in indices]


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (0.7, 0.2, 0.1), (5, 1, 1, 1)])
def test_shares_are_the_weights_after_a_block_and_close_to_them_within_one(weights):
    found = turns(weights, range(SLOTS_PER_BLOCK))
    for source, weight in enumerate(weights):
        share = weight / sum(weights)
        count = sum(which == source for which, _ in found)
        assert abs(count - share * SLOTS_PER_BLOCK) < len(weights)
        early = sum(which == source for which, _ in found[:500])
        assert early / 500 == pytest.approx(share, abs=4 * (share * (1 - share) / 500) ** 0.5)


@pytest.mark.parametrize("weights", [(1,), (2, 1), (0.7, 0.2, 0.1)])
def test_each_source_counts_its_own_samples_without_gap_or_repeat(weights):
    found = turns(weights, range(SLOTS_PER_BLOCK))
    for source in range(len(weights)):
        own = sorted(index for which, index in found if which == source)
        assert own == list(range(len(own)))


def test_every_other_sample_sees_every_source_by_its_weight():
    """A task that gets every second row of equal weights must not get one source alone."""
    found = turns((1, 1), range(0, 2000, 2))
    assert sum(which for which, _ in found) / 1000 == pytest.approx(0.5, abs=0.07)


def test_turns_are_the_same_whatever_was_asked_before_and_differ_by_seed():
    indices = [5, 9000, 4096, 5, 4095]
    assert turns((2, 1), indices) == [turns((2, 1), [index])[0] for index in indices]
    assert turns((2, 1), range(50), seed=0) != turns((2, 1), range(50), seed=1)


def test_the_order_of_an_epoch_is_drawn_once_however_many_sources_take_turns(monkeypatch):
    """With more than sixteen folders of tokens, each sample drew the order of a whole epoch anew."""
    drawn, randperm = [], torch.randperm
    monkeypatch.setattr(torch, "randperm", lambda length, **others: drawn.append(length) or randperm(length, **others))
    lengths = range(1000, 1040)
    found = [[shuffled(index, length, seed=13) for length in lengths] for index in range(5)]
    assert sorted(drawn) == list(lengths)
    assert all(len({row[place] for row in found}) == 5 for place in range(len(lengths)))


def test_one_source_is_read_in_the_order_of_the_samples():
    assert turns((4,), range(100)) == [(0, index) for index in range(100)]
    assert [shuffled(index, 7, 3) for index in range(7)] != list(range(7))


@pytest.mark.parametrize("rates", [(1,), (1, 1), (2, 1), (1, 0.5, 0.3), (0.1, 0.1, 3)])
def test_the_readings_of_several_readers_are_counted_without_gap_or_repeat_each_at_its_rate(rates):
    rates = [Fraction(rate).limit_denominator(10) for rate in rates]
    time = 20  # after which each has read a whole number of times
    places = [[merged(index, reader, rates) for index in range(int(time * rate))] for reader, rate in enumerate(rates)]
    assert sorted(place for own in places for place in own) == list(range(int(time * sum(rates))))
    for own, rate in zip(places, rates, strict=True):
        assert own == sorted(own)
        assert all(abs((index + 0.5) / rate * sum(rates) - place) <= len(rates) for index, place in enumerate(own))


@pytest.mark.parametrize("length", [1, 2, 5, 64, 65, 1000])
def test_an_order_without_a_table_has_every_clip_once_and_differs_by_seed_and_epoch(length):
    orders = [[permuted(place, length, *key) for place in range(length)] for key in ((0, 0), (1, 0), (0, 1))]
    assert all(sorted(order) == list(range(length)) for order in orders)
    assert length < 64 or len(set(map(tuple, orders))) == 3
    # Of a random permutation, about one place stays: more than 8 would be one chance in 100,000.
    assert length < 64 or all(sum(map(int.__eq__, order, range(length))) <= 8 for order in orders)


def test_long_orders_do_not_repeat_a_clip_within_an_epoch_and_change_with_it():
    length = LONGEST_TABLE + 1
    first = [shuffled(index, length, 0) for index in range(500)]
    assert len(set(first)) == 500
    assert min(first) < length // 50 < length - length // 50 < max(first)
    assert first != [shuffled(length + index, length, 0) for index in range(500)]
