# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A folder of captioned clips with sketches, and a checkpoint of its size."""

import pytest
from clip_folders import write_clips
from sample_sizes import SIZE
from tiny import NUM_CLASSES, tiny_pipeline, tiny_transformer

from nuwa_hf.datasets import EmojiMotion, EmojiMotionSetting, SpritePack
from nuwa_hf.evaluation.samples.real_samples import RealSamples


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Read only."""
    return write_clips(tmp_path_factory.mktemp("real") / "clips", 7, num_classes=NUM_CLASSES)


@pytest.fixture(scope="session")
def open_clips(clips):
    def open_them(folder=clips, **options):
        return RealSamples.open(folder, **{**SIZE, "sketch_column": "sketch", **options})

    return open_them


@pytest.fixture(scope="session")
def pipeline():
    return tiny_pipeline("T2V")


@pytest.fixture(scope="session")
def emoji_pipeline():
    return tiny_pipeline("T2V", transformer=tiny_transformer(visual_grid=(3, 8, 8)))


@pytest.fixture
def make_emoji():
    def make(length=12, **options):
        settings = {"size": 16, "num_frames": 3, "position_step": 4, "sprite_size": 8, "calm_scenes": True}
        setting = EmojiMotionSetting(**{**settings, **options})
        return EmojiMotion(SpritePack.drawn_shapes(), setting=setting, split="val", length=length)

    return make
