# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny_samples import random_clips
from tiny_video_models import tiny_videomae_processor, tiny_videomae_sizes
from transformers import VideoMAEConfig, VideoMAEModel

from nuwa_hf.evaluation.features.videomae import VideoMAEReader, spread_frames
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videomae")
    VideoMAEModel(VideoMAEConfig(**tiny_videomae_sizes())).save_pretrained(folder)
    tiny_videomae_processor().save_pretrained(folder)
    return str(folder)


def test_features_are_the_mean_hidden_state_of_frames_spread_over_the_clip(folder):
    clips = random_clips(num_samples=2, num_frames=7)
    found = VideoMAEReader(folder)(SampleBatch(clips))["features"]
    videos = [list(clip[[0, 2, 4, 6]].movedim(1, -1).numpy()) for clip in clips]
    model = VideoMAEModel.from_pretrained(folder).eval()
    with torch.no_grad():
        hidden = model(**tiny_videomae_processor()(videos, return_tensors="pt")).last_hidden_state
    torch.testing.assert_close(found, hidden.mean(1))


def test_frames_are_spread_from_the_first_to_the_last_and_repeated_in_a_short_clip():
    numbers = torch.arange(5)[None]
    assert spread_frames(numbers, 3).tolist() == [[0, 2, 4]]
    assert spread_frames(numbers[:, :2], 4).tolist() == [[0, 0, 1, 1]]
    assert spread_frames(numbers, 5).tolist() == numbers.tolist()
