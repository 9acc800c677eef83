# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Byte-pair encoding that goes on where it stopped: new words become whole tokens, and old tokens keep their ids."""

import json
from collections import Counter
from collections.abc import Iterable
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
    letters = Counter(letter for word, count in counts.items() for letter in word * count)
    for letter in sorted(letters.keys() - vocab.keys(), key=lambda one: (-letters[one], one)):
        vocab[letter] = len(vocab)
    if len(vocab) > vocab_size:
        raise ValueError(
            f"`vocab_size` must hold the tokens that are there and every character of the captions, got {vocab_size}; "
            f"use at least {len(vocab)}."
        )
    lettered = Tokenizer.from_str(json.dumps(settings)).model
    words = {word: [token.value for token in lettered.tokenize(word)] for word in counts}
    while len(vocab) < vocab_size:
        pair = _most_frequent(words, counts)
        if pair is None:
            break
        vocab.setdefault("".join(pair), len(vocab))
        merges.append(list(pair))
        words = {word: _merged(pieces, pair) for word, pieces in words.items()}
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


def _most_frequent(words: dict[str, list[str]], counts: Counter) -> Pair | None:
    pairs: Counter = Counter()
    for word, pieces in words.items():
        for pair in pairwise(pieces):
            pairs[pair] += counts[word]
    best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
    return best if best is not None and pairs[best] >= FEWEST else None


def _merged(pieces: list[str], pair: Pair) -> list[str]:
    found, place = [], 0
    while place < len(pieces):
        is_pair = tuple(pieces[place : place + 2]) == pair
        found.append("".join(pair) if is_pair else pieces[place])
        place += 2 if is_pair else 1
    return found
