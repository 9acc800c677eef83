# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What every contender has: it trains for so many minutes, and then draws what captions ask for."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import nn


SNAPSHOT_SHARES = (0.25, 0.5, 0.75, 1.0)  # of the budget, after which a contender is judged


@dataclass(frozen=True)
class Size:
    """How large contenders are, and how much of them is measured.

    Args:
        name (`str`): of the size.
        width (`int`): of the transformers of tokens.
        layers (`int`): of their decoders.
        text_layers (`int`): of their text encoders.
        gpt2_width (`int`): of GPT-2, which has no text encoder and no cross-attention.
        codec_channels (`tuple[int, ...]`): of this package's codec by level, each of which halves the frame once.
        code_levels (`tuple[int, ...]`): of each number that a code of this package's codec holds.
        vae_width (`int`): of nuwa-pytorch's codec.
        unet_channels (`tuple[int, ...]`): of the diffusion by level.
        batch_scale (`float`): factor on all batches.
        drawn (`bool`): whether digits are drawn instead of MNIST's, which need a package.
    """

    name: str
    width: int
    layers: int
    text_layers: int
    gpt2_width: int
    codec_channels: tuple[int, ...]
    code_levels: tuple[int, ...]
    vae_width: int
    unet_channels: tuple[int, ...]
    batch_scale: float = 1.0
    drawn: bool = False

    @property
    def codes(self) -> int:
        """How many codes the codecs have."""
        return math.prod(self.code_levels)

    def batch(self, count: int) -> int:
        """A batch of the full size at this one."""
        return max(2, round(count * self.batch_scale))


SIZES = {
    "full": Size(
        name="full",
        width=192,
        layers=6,
        text_layers=2,
        gpt2_width=256,
        codec_channels=(8, 16, 64, 128),
        code_levels=(8, 8, 8),
        vae_width=48,
        unet_channels=(96, 96),
    ),
    "toy": Size(
        name="toy",
        width=64,
        layers=1,
        text_layers=1,
        gpt2_width=64,
        codec_channels=(8, 8, 8, 8),
        code_levels=(4, 8),
        vae_width=16,
        unet_channels=(32, 32),
        batch_scale=0.125,
        drawn=True,
    ),
}


class Contender(ABC):
    """One way to draw clips from captions.

    Args:
        size (`Size`): its size.

    Attributes:
        name (`str`): on the command line and in results.
        title (`str`): in tables.
        samples_at_once (`int`): clips of a batch when it is judged.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    samples_at_once: ClassVar[int] = 16

    def __init__(self, size: Size):
        self.size = size

    @abstractmethod
    def check(self) -> None:
        """Look for what it needs.

        Raises:
            RuntimeError: If a package is missing.
        """

    @abstractmethod
    def train(self, minutes: float, seed: int, work_dir: Path) -> None:
        """Train, or go on where it was stopped, and leave a snapshot after each of `SNAPSHOT_SHARES` of the time.

        Args:
            minutes (`float`): of training, a codec's and the making of tokens included.
            seed (`int`): of weights, data and all other random draws.
            work_dir (`Path`): of this run alone.
        """

    @abstractmethod
    def load(self, snapshot: Path) -> None:
        """Read what `train` left, to sample from it.

        Args:
            snapshot (`Path`): one of `snapshot_folders`.
        """

    @abstractmethod
    def sample(self, captions: Sequence[str], seed: int) -> np.ndarray:
        """Draw a clip for each caption.

        Args:
            captions (`Sequence[str]`): what to draw.
            seed (`int`): of the draws.

        Returns:
            `np.ndarray` of shape `(len(captions), T, Y, X, 3)`: uint8.
        """

    @abstractmethod
    def parts(self) -> dict[str, nn.Module]:
        """Its networks by name, all of which it needs to draw."""

    def parameters(self) -> dict[str, int]:
        """How many weights each part has."""
        return {name: sum(weight.numel() for weight in part.parameters()) for name, part in self.parts().items()}


def snapshot_folders(work_dir: Path, minutes: float) -> dict[float, Path]:
    """Where snapshots are.

    Args:
        work_dir (`Path`): of the run.
        minutes (`float`): its budget.

    Returns:
        `dict[float, Path]`: seconds of training to the folder.
    """
    return {60 * minutes * share: work_dir / f"snapshot-{round(100 * share):03d}" for share in SNAPSHOT_SHARES}
