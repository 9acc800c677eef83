# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import torch
from torch.utils.data import default_collate

from nuwa_hf.modeling.class_maps import pixels_to_class_maps
from nuwa_hf.training.vqgan.emoji_motion_frames import EmojiFrames, EmojiSketches, emoji_clips, moving_mnist_clips
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


CLIPS = emoji_clips(VQGANArguments(sprites="shapes", setting="small", output_dir="unused"), "train")


def batch(dataset: type, start: int, size: int) -> dict[str, torch.Tensor]:
    images = dataset(CLIPS)
    return default_collate([images[index] for index in range(start, start + size)])


def test_frames_are_a_pure_function_of_the_index_and_lie_in_range():
    one, other = batch(EmojiFrames, 5, 3), batch(EmojiFrames, 5, 3)
    assert torch.equal(one["pixels"], other["pixels"])
    assert one["pixels"].shape == (3, 3, 64, 64)
    assert one["object_mask"].shape == (3, 64, 64)
    assert one["pixels"].min() >= -1
    assert one["pixels"].max() <= 1
    assert one["object_mask"].any()


def test_sketches_are_those_of_the_same_frames():
    sketches, frames = batch(EmojiSketches, 5, 3), batch(EmojiFrames, 5, 3)
    class_maps = pixels_to_class_maps(sketches["pixels"])
    for number, index in enumerate(range(5, 8)):
        assert torch.equal(class_maps[number], torch.from_numpy(CLIPS[index]["image_sketch"]).long())
    assert torch.equal(sketches["pixels"].sum(dim=1), torch.ones(3, 64, 64))
    assert torch.equal(sketches["object_mask"], frames["object_mask"])


def test_after_the_last_clip_comes_the_first_again():
    """A run of more than a million images ended in an IndexError."""
    digits = moving_mnist_clips(VQGANArguments(dataset="moving-mnist", sprites="shapes", output_dir="unused"), "train")
    for dataset, clips in ((EmojiFrames, CLIPS), (EmojiSketches, CLIPS), (EmojiFrames, digits)):
        images = dataset(clips)
        assert torch.equal(images[len(clips) + 5]["pixels"], images[5]["pixels"])
