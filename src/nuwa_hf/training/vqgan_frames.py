# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Single frames of EmojiMotion, which the VQ-GAN learns from."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from nuwa_hf.datasets.emoji_motion import EmojiMotion
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.datasets.sprites import SpritePack
from nuwa_hf.training.vqgan_arguments import VQGANArguments


class EmojiFrames(Dataset):
    """One frame of every EmojiMotion clip, for the codec; a pure function of the index, as the clips are.

    Args:
        clips (`EmojiMotion`): the clips.
    """

    def __init__(self, clips: EmojiMotion):
        self.clips = clips

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """The clip's still frame.

        Args:
            index (`int`): of the clip.

        Returns:
            `dict`: `pixels`, float32 of shape `(3, Y, X)` in [-1, 1]; `object_mask`, bool of shape `(Y, X)`.
        """
        clip = self.clips[index]
        pixels = torch.from_numpy(clip["image"]).permute(2, 0, 1).float() / 127.5 - 1
        object_mask = torch.from_numpy(clip["object_mask"][clip["image_index"]]).bool()
        return {"pixels": pixels, "object_mask": object_mask}


def emoji_frames(arguments: VQGANArguments, split: str) -> EmojiFrames:
    """The frames that the arguments name.

    Args:
        arguments (`VQGANArguments`): the setting, the sprites and the seed.
        split (`str`): "train" or "val".

    Returns:
        `EmojiFrames`.
    """
    setting = SETTINGS[arguments.setting]
    if arguments.sprites == "noto":
        return EmojiFrames(EmojiMotion(SpritePack.load(), setting=setting, split=split, seed=arguments.seed))
    setting = replace(setting, objects=None)  # a setting names emoji; shapes are all used
    return EmojiFrames(EmojiMotion(SpritePack.drawn_shapes(), setting=setting, split=split, seed=arguments.seed))
