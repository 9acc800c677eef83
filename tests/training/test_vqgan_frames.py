# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import torch
from torch.utils.data import default_collate

from nuwa_hf.training.vqgan_arguments import VQGANArguments
from nuwa_hf.training.vqgan_frames import emoji_frames


def batch(start: int, size: int) -> dict[str, torch.Tensor]:
    frames = emoji_frames(VQGANArguments(sprites="shapes", output_dir="unused"), "train")
    return default_collate([frames[index] for index in range(start, start + size)])


def test_frames_are_a_pure_function_of_the_index_and_lie_in_range():
    one, other = batch(5, 3), batch(5, 3)
    assert torch.equal(one["pixels"], other["pixels"])
    assert one["pixels"].shape == (3, 3, 64, 64)
    assert one["object_mask"].shape == (3, 64, 64)
    assert one["pixels"].min() >= -1
    assert one["pixels"].max() <= 1
    assert one["object_mask"].any()
