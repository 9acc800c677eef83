# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A small world of drawn shapes, and judges of it and of the setting "small" with random weights."""

import pytest

from nuwa_hf.datasets import EmojiMotion, EmojiMotionSetting, SpritePack
from nuwa_hf.evaluation import ClipJudge, FrameJudge, Judges


@pytest.fixture
def make_dataset():
    pack = SpritePack.drawn_shapes()

    def make(split="train", length=8, **overrides):
        setting = {
            "motions": ("right", "left", "up", "down"),
            "backgrounds": ("grass", "blue"),
            "size": 32,
            "num_frames": 4,
            "position_step": 4,
            "sprite_size": 16,
            "two_objects": 0.0,
            "calm_scenes": True,
        }
        return EmojiMotion(pack, setting=EmojiMotionSetting(**{**setting, **overrides}), split=split, length=length)

    return make


@pytest.fixture
def make_judges():
    def make(dataset):
        return Judges(
            FrameJudge(dataset.object_names, dataset.background_names, width=8),
            ClipJudge(dataset.motion_names, num_frames=dataset.setting.num_frames, width=4),
        )

    return make
