# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The procedural data sets of captioned clips, frames and sketches: EmojiMotion, and Moving MNIST."""

from .class_map import palette, sketch_class_names
from .digits import DigitPack
from .emoji_motion import EmojiMotion, is_held_out
from .motions import MOTIONS
from .moving_mnist import MovingMNIST
from .scenes import BACKGROUNDS
from .settings import EmojiMotionSetting
from .sprites import CATEGORIES, SpritePack


__all__ = [
    "BACKGROUNDS",
    "CATEGORIES",
    "MOTIONS",
    "DigitPack",
    "EmojiMotion",
    "EmojiMotionSetting",
    "MovingMNIST",
    "SpritePack",
    "is_held_out",
    "palette",
    "sketch_class_names",
]
