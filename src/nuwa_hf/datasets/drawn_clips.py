# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What data sets share whose clips are drawn on the fly: splits, seed, length, and the random numbers of a sample."""

import operator

import numpy as np
from torch.utils.data import Dataset

from nuwa_hf.argument_types import check_types


SPLIT_LENGTHS = {"train": 1_000_000, "val": 10_000, "zeroshot": 10_000}


class DrawnClips(Dataset):
    """Clips as a pure function of (split, seed, index).

    Args:
        split (`str`): "train", "val" or "zeroshot".
        seed (`int`): a different seed gives a different data set of the same kind.
        length (`int`, *optional*): number of samples; None means 1,000,000 for "train" and 10,000 for the others.

    Raises:
        ValueError: If the split, the seed or the length is not valid.
        TypeError: If an argument has the wrong type.
    """

    def __init__(self, split: str, seed: int, length: int | None):
        given = {"split": split, "seed": seed, "length": length}
        check_types(given, {"split": str, "seed": int, "length": int | None}, "leave it out for the default")
        if split not in SPLIT_LENGTHS:
            raise ValueError(f"`split` must be one of {', '.join(SPLIT_LENGTHS)}, got {split!r}; choose one of them.")
        if seed < 0:
            raise ValueError(f"`seed` must not be negative, got {seed}; use 0 or more.")
        length = SPLIT_LENGTHS[split] if length is None else length
        if length < 1:
            raise ValueError(f"`length` must be at least 1, got {length}; leave it out for the split's own length.")
        self.split, self.seed, self.length = split, seed, length

    def __len__(self) -> int:
        return self.length

    def _random_of(self, index: int) -> np.random.Generator:
        """The random numbers of a sample, which are its own."""
        index = operator.index(index)
        if not 0 <= index < self.length:
            raise IndexError(f"`index` must be from 0 to {self.length - 1}, got {index}.")
        stream = np.random.SeedSequence((list(SPLIT_LENGTHS).index(self.split), self.seed, index))
        return np.random.Generator(np.random.PCG64(stream))
