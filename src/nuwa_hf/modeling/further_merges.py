# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Byte-pair encoding that goes on where it stopped: new words become whole tokens, and old tokens keep their ids."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import pairwise

from tokenizers import Tokenizer


FEWEST = 2  # times that a pair must come to be merged; what is seen once cannot be learnt

Pair = tuple[str, str]


def learn_further(backend: Tokenizer, captions: Iterable[str], vocab_size: int) -> Tokenizer:
    """A tokenizer with further tokens: characters that it did not know, then merges of the most frequent pairs.

    Its own merges stay and come first, so a caption is cut as before, and then the new merges join pieces.

    Args:
        backend (`Tokenizer`): byte-pair encoding; not changed.
        captions (`Iterable[str]`): what to learn from.
        vocab_size (`int`): the largest vocabulary.

    Returns:
        `Tokenizer`.

    Raises:
        ValueError: If the vocabulary cannot hold all characters.
    """
    counts = Counter(
        word
        for caption in captions
        for word, _ in backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(caption))
    )
    settings = json.loads(backend.to_str()) | {"truncation": None, "padding": None}  # those of its last call
    vocab, merges = settings["model"]["vocab"], settings["model"]["merges"]
    letters: Counter = Counter()
    for word, count in counts.items():
        for letter in word:
            letters[letter] += count
    for letter in sorted(letters.keys() - vocab.keys(), key=lambda one: (-letters[one], one)):
        vocab[letter] = len(vocab)
    if len(vocab) > vocab_size:
        raise ValueError(
            f"`vocab_size` must hold the tokens that are there and every character of the captions, got {vocab_size}; "
            f"use at least {len(vocab)}."
        )
    lettered = Tokenizer.from_str(json.dumps(settings)).model
    words = {word: [token.value for token in lettered.tokenize(word)] for word in counts}
    found = most_frequent_pairs(words, counts)
    while len(vocab) < vocab_size and (pair := next(found, None)) is not None:
        vocab.setdefault("".join(pair), len(vocab))
        merges.append(list(pair))
    return Tokenizer.from_str(json.dumps(settings))


def parts_of_tokens(backend: Tokenizer) -> dict[int, tuple[int, int]]:
    """What tokens were merged from.

    Args:
        backend (`Tokenizer`): byte-pair encoding.

    Returns:
        `dict[int, tuple[int, int]]`: the ids of both parts by the id of the token; characters are not in it.
    """
    model = json.loads(backend.to_str())["model"]
    vocab = model["vocab"]
    return {vocab["".join(pair)]: (vocab[pair[0]], vocab[pair[1]]) for pair in map(tuple, model["merges"])}


def most_frequent_pairs(words: dict[str, list[str]], counts: Counter) -> Iterator[Pair]:
    """The most frequent pair of neighbours, again and again, each joined wherever it stands before the next is sought.

    Pairs are counted once. What joining one changes is counted anew in the words that have it, and in no others.

    Args:
        words (`dict[str, list[str]]`): the pieces of each word; not changed.
        counts (`Counter`): how often each word comes.

    Yields:
        `tuple[str, str]`: a pair; of equally frequent ones the first in order. Those that come once are left out.
    """
    words = dict(words)
    frequency: Counter = Counter()
    words_with = defaultdict(set)  # of a pair; some may have it no more
    for word, pieces in words.items():
        for pair in pairwise(pieces):
            frequency[pair] += counts[word]
            words_with[pair].add(word)
    best_first = [(-count, pair) for pair, count in frequency.items()]
    heapify(best_first)
    while best_first:
        count, pair = heappop(best_first)
        if -count != frequency[pair]:  # counted before a merge changed it
            continue
        if -count < FEWEST:
            return
        yield pair
        changed = set()
        for word in words_with.pop(pair):
            before, words[word] = words[word], _merged(words[word], pair)
            for other in pairwise(before):
                frequency[other] -= counts[word]
            for other in pairwise(words[word]):
                frequency[other] += counts[word]
                words_with[other].add(word)
            changed.update(pairwise(before), pairwise(words[word]))
        for other in changed:
            heappush(best_first, (-frequency[other], other))


def _merged(pieces: list[str], pair: Pair) -> list[str]:
    found, place = [], 0
    while place < len(pieces):
        is_pair = tuple(pieces[place : place + 2]) == pair
        found.append("".join(pair) if is_pair else pieces[place])
        place += 2 if is_pair else 1
    return found
