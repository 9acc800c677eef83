# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Single frames of EmojiMotion and their sketches, and frames of Moving MNIST, to train VQ-GANs on."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.datasets.digits import DigitPack
from nuwa_hf.datasets.emoji_motion import EmojiMotion
from nuwa_hf.datasets.moving_mnist import MovingMNIST, open_moving_mnist
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.datasets.sprites import SpritePack
from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


class EmojiFrames(Dataset):
    """One frame of every clip, for the codec; a pure function of the index, which may go beyond the last clip.

    Args:
        clips (`EmojiMotion` or `MovingMNIST`): the clips.
    """

    def __init__(self, clips: EmojiMotion | MovingMNIST):
        self.clips = clips

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """The clip's still frame.

        Args:
            index (`int`): of the clip; after the last comes the first again.

        Returns:
            `dict`: `pixels`, float32 of shape `(3, Y, X)` in [-1, 1]; `object_mask`, bool of shape `(Y, X)`.
        """
        clip = self.clips[index % len(self.clips)]
        pixels = torch.from_numpy(clip["image"]).permute(2, 0, 1).float() / 127.5 - 1
        return {"pixels": pixels, "object_mask": _object_mask(clip)}


class EmojiSketches(Dataset):
    """The sketches of the same frames, for the sketch codec.

    Args:
        clips (`EmojiMotion`): the clips.
    """

    def __init__(self, clips: EmojiMotion):
        self.clips = clips

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """The sketch of the clip's still frame.

        Args:
            index (`int`): of the clip; after the last comes the first again.

        Returns:
            `dict`: `pixels`, float32 of shape `(C, Y, X)`, 1 in the channel of a pixel's class and 0 in the others;
                `object_mask`, bool of shape `(Y, X)`.
        """
        clip = self.clips[index % len(self.clips)]
        class_maps = torch.from_numpy(clip["image_sketch"])[None]
        pixels = class_maps_to_pixels(class_maps, len(sketch_class_names))[0]
        return {"pixels": pixels, "object_mask": _object_mask(clip)}


def emoji_clips(arguments: VQGANArguments, split: str) -> EmojiMotion:
    """The clips that the arguments name.

    Args:
        arguments (`VQGANArguments`): the setting, the sprites and the seed.
        split (`str`): "train" or "val".

    Returns:
        `EmojiMotion`.
    """
    setting = SETTINGS[arguments.setting]
    if arguments.sprites == "noto":
        return EmojiMotion(SpritePack.load(), setting=setting, split=split, seed=arguments.seed)
    setting = replace(setting, objects=None)  # a setting names emoji; with shapes, all are used
    return EmojiMotion(SpritePack.drawn_shapes(), setting=setting, split=split, seed=arguments.seed)


def moving_mnist_clips(arguments: VQGANArguments, split: str) -> MovingMNIST:
    """The clips of Moving MNIST that the arguments name.

    Args:
        arguments (`VQGANArguments`): the data set, the sprites and the seed.
        split (`str`): "train" or "val".

    Returns:
        `MovingMNIST`.

    Raises:
        ValueError: If the package of the digits is not installed.
    """
    pack = DigitPack.drawn() if arguments.sprites == "shapes" else DigitPack.load()
    return open_moving_mnist(arguments.dataset, split=split, seed=arguments.seed, pack=pack)


def _object_mask(clip: dict) -> Tensor:
    return torch.from_numpy(clip["object_mask"][clip["image_index"]]).bool()
