# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Merges that go on: pairs that are counted once and kept up to date are those of counting all words anew."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from nuwa_hf.modeling.further_merges import FEWEST, most_frequent_pairs


def joined(pieces, pair):
    found = []
    for piece in pieces:
        if found and found[-1] is not None and (found[-1], piece) == pair:
            found[-1:] = ["".join(pair), None]  # what was joined joins nothing more in this round
        else:
            found.append(piece)
    return [piece for piece in found if piece is not None]


def pairs_by_counting_anew(words, counts):
    """By the definition: count all pairs, join the most frequent one everywhere, and begin again."""
    words = dict(words)
    while True:
        pairs = Counter()
        for word, pieces in words.items():
            for pair in pairwise(pieces):
                pairs[pair] += counts[word]
        most = max(pairs.values(), default=0)
        if most < FEWEST:
            return
        best = min(pair for pair, count in pairs.items() if count == most)
        yield best
        words = {word: joined(pieces, best) for word, pieces in words.items()}


@pytest.mark.parametrize("seed", range(20))
def test_pairs_are_those_of_counting_all_words_anew(seed):
    """Few letters and small counts: many repeats within a word, and many pairs that are equally frequent."""
    rng = random.Random(seed)
    letters, most = rng.choice(["ab", "abc", "abcdefgh"]), rng.choice([1, 3, 50])
    counts = Counter()
    for _ in range(60):
        counts["".join(rng.choices(letters, k=rng.randint(1, 12)))] += rng.randint(1, most)
    words = {word: list(word) for word in counts}
    found = list(most_frequent_pairs(words, counts))
    assert found == list(pairs_by_counting_anew(words, counts))
    assert len(found) > 5
    assert words == {word: list(word) for word in counts}


def test_a_pair_within_a_row_of_one_letter_is_joined_from_the_left():
    assert list(most_frequent_pairs({"aaaaa": list("aaaaa")}, Counter(["aaaaa"]))) == [("a", "a")]
    pairs = list(most_frequent_pairs({"aaaaa": list("aaaaa")}, Counter({"aaaaa": 2})))
    assert pairs == [("a", "a"), ("aa", "a"), ("aa", "aaa")]


def test_a_pair_that_comes_once_is_left_alone():
    assert list(most_frequent_pairs({"ab": ["a", "b"]}, Counter(["ab"]))) == []
    assert list(most_frequent_pairs({}, Counter())) == []
