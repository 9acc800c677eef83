# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation.tasks.real_samples import RealSamples, seen_objects


def test_stills_are_the_images_of_the_samples(small_world):
    real = RealSamples.draw(small_world, 6)
    images = torch.stack([torch.from_numpy(sample["image"]).permute(2, 0, 1) for sample in real.samples]).float() / 255
    assert torch.equal(real.stills(real.clips), images)
    assert torch.equal(
        real.stills(real.sketches), torch.stack([torch.from_numpy(s["image_sketch"]).long() for s in real.samples])
    )


def test_sample_whose_still_shows_nothing_is_left_out(make_dataset):
    dataset = make_dataset(motions=("appear",), length=60, size=16, sprite_size=8)
    empty = [index for index in range(60) if "an empty scene" in dataset[index]["image_caption"]]
    assert empty
    real = RealSamples.draw(dataset, 60 - len(empty))
    assert all(seen_objects(sample) for sample in real.samples)
    with pytest.raises(ValueError, match=f"`task_images` and `task_videos` must be at most {60 - len(empty)}"):
        RealSamples.draw(dataset, 61 - len(empty))


def test_truth_of_a_still_has_no_motion_and_the_things_of_the_clip(make_dataset):
    dataset = make_dataset(two_objects=0.5, size=32, sprite_size=8, length=20)
    real = RealSamples.draw(dataset, 10)
    for image, clip in zip(real.image_truths, real.truths, strict=True):
        assert image.motion is None
        assert image.objects == clip.objects
        assert image.background == clip.background
