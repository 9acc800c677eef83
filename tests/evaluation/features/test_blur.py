# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import torch
from PIL import Image, ImageFilter
from tiny_samples import random_clips

from nuwa_hf.evaluation.features.blur import blur


def test_blur_is_that_of_pillow_on_each_frame_and_radius_0_changes_nothing():
    clips = random_clips()
    frame = Image.fromarray(clips[2, 1].movedim(0, -1).numpy()).filter(ImageFilter.GaussianBlur(2))
    assert blur(clips, 2)[2, 1].movedim(0, -1).numpy().tobytes() == frame.tobytes()
    assert torch.equal(blur(clips, 0), clips)
