# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The clips and captions that all contenders learn from and are asked for: Moving MNIST with one and two digits.

Letters: B clips, T frames, Y, X pixel rows and columns, L words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.minutes.sets import SETS
from nuwa_hf.datasets.digits import DigitPack
from nuwa_hf.datasets.moving_mnist import DIGIT_MOTIONS, MovingMNIST


# In the order of their ids, from 1 on; 0 is padding.
WORDS = (*map(str, range(10)), "digit", "is", "moving", "and", ".", *dict.fromkeys(" ".join(DIGIT_MOTIONS).split()))
WORDS = tuple(dict.fromkeys(WORDS))
MOST_WORDS = 14


@dataclass(frozen=True)
class TrainingClips:
    """Clips of the split "train", as many as there are steps: none is seen twice.

    Args:
        seed (`int`): of the run.
        drawn (`bool`, defaults to `False`): whether digits are drawn instead of MNIST's, for tests.
    """

    seed: int
    drawn: bool = False

    def __post_init__(self):
        clips = MovingMNIST(pack_of(self.drawn), split="train", seed=self.seed, length=10**9)
        object.__setattr__(self, "_clips", clips)

    def samples(self, step: int, count: int) -> list[dict]:
        """The samples of a step.

        Args:
            step (`int`): its number.
            count (`int`): samples of each step, B.

        Returns:
            `list[dict]`: as `MovingMNIST` gives them.
        """
        return [self._clips[index] for index in range(step * count, (step + 1) * count)]

    def frames(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """One frame of each clip, for codecs.

        Args:
            step (`int`): its number.
            count (`int`): frames of each step, B.

        Returns:
            `tuple[torch.Tensor, torch.Tensor]`: grey pixels in [-1, 1] of shape `(B, 1, Y, X)`, and where digits are,
            bool of shape `(B, Y, X)`.
        """
        samples = self.samples(step, count)
        pixels = np.stack([sample["image"][..., 0] for sample in samples])
        masks = np.stack([sample["image_sketch"] > 0 for sample in samples])
        return torch.from_numpy(pixels)[:, None].float() / 127.5 - 1, torch.from_numpy(masks)

    def clips(self, step: int, count: int) -> tuple[Tensor, list[str]]:
        """Clips with their captions.

        Args:
            step (`int`): its number.
            count (`int`): clips of each step, B.

        Returns:
            `tuple[torch.Tensor, list[str]]`: grey pixels in [-1, 1] of shape `(B, T, Y, X)`, and the captions.
        """
        samples = self.samples(step, count)
        pixels = torch.from_numpy(np.stack([sample["video"][..., 0] for sample in samples]))
        return pixels.float() / 127.5 - 1, [sample["caption"] for sample in samples]


def pack_of(drawn: bool) -> DigitPack:
    """MNIST's digits, or drawn ones."""
    return DigitPack.drawn() if drawn else DigitPack.load()


def real_clips(name: str, count: int, drawn: bool = False) -> MovingMNIST:
    """The real clips of one of `SETS`, whose captions are asked for.

    Args:
        name (`str`): of the set.
        count (`int`): how many.
        drawn (`bool`, defaults to `False`): as for `TrainingClips`.

    Returns:
        `MovingMNIST`.
    """
    digits, split = SETS[name]
    return MovingMNIST(pack_of(drawn), digit_counts=(digits,), split=split, length=count)


def word_ids(captions: Sequence[str]) -> Tensor:
    """Captions as the numbers of their words, padded on the right.

    Args:
        captions (`Sequence[str]`): B of them.

    Returns:
        `torch.LongTensor` of shape `(B, L)`: L is `MOST_WORDS`.
    """
    ids = torch.zeros(len(captions), MOST_WORDS, dtype=torch.long)
    for row, caption in enumerate(captions):
        for place, word in enumerate(caption.split()):
            ids[row, place] = WORDS.index(word) + 1
    return ids


def to_clips(grey: Tensor) -> np.ndarray:
    """Grey pixels as the clips that are judged.

    Args:
        grey (`torch.Tensor` of shape `(B, T, Y, X)`): about [-1, 1].

    Returns:
        `np.ndarray` of shape `(B, T, Y, X, 3)`: uint8.
    """
    pixels = ((grey.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return pixels[..., None].expand(*pixels.shape, 3).numpy()
