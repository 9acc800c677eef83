# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""EmojiMotion, the procedural data set of captioned clips, frames and sketches."""

from .class_map import palette, sketch_class_names
from .emoji_motion import EmojiMotion, is_held_out
from .motions import MOTIONS
from .scenes import BACKGROUNDS
from .settings import EmojiMotionSetting
from .sprites import CATEGORIES, SpritePack


__all__ = [
    "BACKGROUNDS",
    "CATEGORIES",
    "MOTIONS",
    "EmojiMotion",
    "EmojiMotionSetting",
    "SpritePack",
    "is_held_out",
    "palette",
    "sketch_class_names",
]
