# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The embedded checkpoint: its size, its card, and that it makes the same video again."""

import json

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard

from nuwa_hf import DEMO_CHECKPOINT, NuwaConfig, NuwaTextToVideoPipeline
from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.modeling.class_maps import class_maps_to_pixels, pixels_to_class_maps
from nuwa_hf.modeling.presets import PRESETS
from nuwa_hf.tasks import TASKS


PROMPT = "a red apple rolls to the left on the grass"


@pytest.fixture(scope="module")
def pipeline():
    pipeline = NuwaTextToVideoPipeline.from_pretrained(DEMO_CHECKPOINT)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_weights_are_small_shards_of_safetensors_and_nothing_is_a_pickle():
    files = [path for path in DEMO_CHECKPOINT.rglob("*") if path.is_file()]
    weights = [path.stat().st_size for path in files if path.suffix == ".safetensors"]
    assert sum(weights) <= 32e6
    assert max(weights) < 15e6
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".md"}


def test_sizes_are_those_of_the_preset():
    config = NuwaConfig.from_pretrained(DEMO_CHECKPOINT, subfolder="transformer")
    preset = NuwaConfig.from_preset("emoji-motion")
    assert {name: getattr(config, name) for name in PRESETS["emoji-motion"]} == {
        name: getattr(preset, name) for name in PRESETS["emoji-motion"]
    }


def test_card_says_the_scores_of_every_row():
    card = ModelCard.load(DEMO_CHECKPOINT / "README.md")
    assert card.data.license == "apache-2.0"
    for row in ("real", "through the codec", "generated", "chance"):
        assert card.text.count(f"| {row} |") >= 2  # both splits
    for task in TASKS:
        assert f"**{task.abbreviation}, " in card.text
        assert task.pipeline in card.text


def test_sampling_defaults_travel_with_the_weights():
    saved = json.loads((DEMO_CHECKPOINT / "transformer" / "generation_config.json").read_text())
    assert saved["do_sample"]
    assert saved["guidance_scale"] >= 1


def test_a_seed_gives_the_same_video_and_another_seed_another(pipeline):
    def frames(seed, num_frames=None):
        generator = torch.Generator().manual_seed(seed)
        return pipeline(PROMPT, num_frames=num_frames, generator=generator, output_type="np").frames

    assert frames(0).shape == (1, 6, 128, 128, 3)
    first, again, other = (frames(seed, num_frames=1) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_codec_knows_the_data(pipeline):
    # Measured 35 dB over many clips; a wrong range, layout or codebook gives less than 15.
    clip = torch.from_numpy(EmojiMotion(split="val")[0]["video"])
    pixels = clip.permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.no_grad():
        decoded = pipeline.vqgan.decode(pipeline.vqgan.encode(pixels).tokens).sample
    assert 10 * torch.log10(4 / (decoded - pixels).square().mean()) > 22


def test_sketch_codec_knows_the_sketches(pipeline):
    # Measured 98 % of the pixels over many sketches; the most frequent class alone gives less than 60 %.
    sketches = torch.from_numpy(EmojiMotion(setting="small", split="val")[0]["sketch"]).long()[None]
    codec = pipeline.sketch_vqgan
    with torch.no_grad():
        tokens = codec.encode(class_maps_to_pixels(sketches, codec.config.in_channels)).tokens
        assert (pixels_to_class_maps(codec.decode(tokens).sample) == sketches).float().mean() > 0.93


def test_text_decides_what_is_drawn(pipeline):
    # The colours of the places differ by far more than samples of one place do.
    def sky(place):
        generator = torch.Generator().manual_seed(0)
        prompt = f"a cat moves to the right {place}"
        frames = pipeline(prompt, num_frames=1, generator=generator, output_type="np").frames
        return frames[0, :, :4].mean((0, 1, 2))

    assert np.abs(sky("at sunset") - sky("in the snow")).max() > 0.2
