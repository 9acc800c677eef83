# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The order in which clips are seen, and the data set each comes from: pure functions of seed and sample index."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b

import torch


LONGEST_TABLE = 2**20  # clips whose order is kept as a table; that of more is worked out for each index
ROUNDS = 4  # from which on a Feistel network of random functions passes for a random permutation (Luby and Rackoff)
MOST_SOURCES = 128  # whose tables are kept
SLOTS_PER_BLOCK = 4096  # block of samples within which the sources' turns are shuffled


def shuffled(index: int, length: int, seed: int) -> int:
    """The clip for a sample index. Every epoch has its own order, a pure function of the seed."""
    epoch, place = divmod(index, length)
    if length > LONGEST_TABLE:
        return permuted(place, length, seed, epoch)
    return int(_orders(length, seed)(epoch)[place])


def permuted(place: int, length: int, seed: int, epoch: int) -> int:
    """Where a permutation takes a place, without a table of the others.

    It is a Feistel network on just enough bits; what falls outside is taken on until it is inside.

    Args:
        place (`int`): in [0, length).
        length (`int`): of what is permuted.
        seed (`int`): of the permutation.
        epoch (`int`): likewise.

    Returns:
        `int`: in [0, length); another for each place.
    """
    half = ((length - 1).bit_length() + 1) // 2
    low_bits = 2**half - 1
    while True:
        left, right = place >> half, place & low_bits
        for step in range(ROUNDS):
            digest = blake2b(f"{seed} {epoch} {step} {right}".encode(), digest_size=8).digest()
            left, right = right, left ^ (int.from_bytes(digest, "little") & low_bits)
        place = (left << half) | right
        if place < length:
            return place


def turn(index: int, weights: Sequence[Fraction], seed: int) -> tuple[int, int]:
    """Which of several sources a sample index reads, and how many earlier indices read the same one.

    The sources take turns by their weights, as evenly as whole numbers allow, and the turns of every block of 4096
    indices are shuffled, so that no task always gets the same source. Within each block and overall, a source's share
    equals its weight to within a few samples.

    Args:
        index (`int`): of the sample.
        weights (`Sequence[Fraction]`): of the sources, above 0.
        seed (`int`): of the shuffling.

    Returns:
        `tuple[int, int]`: the place of the source among the weights, and its own index.
    """
    if len(weights) == 1:
        return 0, index
    block, place = divmod(index, SLOTS_PER_BLOCK)
    slot = block * SLOTS_PER_BLOCK + int(_turns(block, seed)[place])
    left = sum(weights)
    for source, weight in enumerate(weights[:-1]):
        # Of the slots that earlier sources left, this one takes a share of `weight / left`, evenly spread.
        before, after = slot * weight // left, (slot + 1) * weight // left
        if after > before:
            return source, int(before)
        slot -= int(before)
        left -= weight
    return len(weights) - 1, slot


def merged(index: int, reader: int, rates: Sequence[Fraction]) -> int:
    """Which reading of a source a reader's own one is, where several readers take from it, each at its rate.

        time of reading k of reader r = (k + 1/2) / rate of r

    Readings are counted in the order of their times, at one time in that of the readers.

    Args:
        index (`int`): of the reading, among the reader's own.
        reader (`int`): its place among the rates.
        rates (`Sequence[Fraction]`): of all readers, above 0.

    Returns:
        `int`: how many readings of all readers come before.
    """
    half = Fraction(1, 2)
    time = (index + half) / rates[reader]
    earlier = (math.floor(time * rate + half) for rate in rates[:reader])
    later = (math.ceil(time * rate - half) for rate in rates[reader + 1 :])
    return index + sum(earlier) + sum(later)


@lru_cache(maxsize=MOST_SOURCES)
def _orders(length: int, seed: int) -> Callable[[int], torch.Tensor]:
    """The order of each epoch of a source. It keeps tables for itself: sources that are read by turns must not push
    out those of each other.
    """
    return lru_cache(maxsize=2)(lambda epoch: _order(epoch, length, seed))  # around the end of an epoch


@lru_cache(maxsize=16)  # one for each reader, around the end of a block
def _turns(block: int, seed: int) -> torch.Tensor:
    return _order(block, SLOTS_PER_BLOCK, seed)


def _order(number: int, length: int, seed: int) -> torch.Tensor:
    return torch.randperm(length, generator=torch.Generator().manual_seed(seed * 1_000_003 + number)).int()
