# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from torch.utils.data import default_collate

from nuwa_hf.datasets.class_map import palette
from nuwa_hf.modeling.class_maps import pixels_to_class_maps
from nuwa_hf.training.vqgan.emoji_motion_frames import emoji_clips
from nuwa_hf.training.vqgan.reconstruction_targets import TARGETS
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments


@pytest.fixture(params=TARGETS)
def target(request):
    return TARGETS[request.param](
        VQGANArguments(
            target=request.param, sprites="shapes", setting="small", discriminator_start=1.0, output_dir="unused"
        )
    )


@pytest.fixture
def batch(target):
    images = target.dataset(emoji_clips(target.arguments, "train"))
    return default_collate([images[index] for index in range(2)])


def test_loss_falls_as_the_sample_nears_the_image_and_counts_objects_more(target, batch):
    pixels, mask = batch["pixels"], batch["object_mask"][:, None]
    better, worse = (target.loss(pixels + error * pixels.roll(1, dims=1), batch) for error in (0.1, 0.5))
    assert better < worse
    wrong_objects, wrong_rest = pixels.roll(1, dims=1) * mask, pixels.roll(1, dims=1) * ~mask
    equal = VQGANArguments(**{**vars(target.arguments), "object_weight": 1.0})
    unweighted = type(target)(equal)
    for sample, is_more in ((pixels * ~mask + wrong_objects, True), (pixels * mask + wrong_rest, False)):
        assert (target.loss(sample, batch) > unweighted.loss(sample, batch)) == is_more


def test_scores_are_scalars_and_best_for_the_image_itself(target, batch):
    best, worse = target.scores(batch["pixels"], batch), target.scores(batch["pixels"].roll(1, dims=1), batch)
    assert best.keys() == worse.keys()
    assert all(best[name].ndim == 0 and best[name] > worse[name] for name in best)


def test_colors_are_rgb_in_range(target, batch):
    colors = target.colors(batch["pixels"])
    assert colors.shape == (2, 3, 64, 64)
    assert colors.min() >= -1
    assert colors.max() <= 1


def test_sketch_is_shown_in_the_colors_of_the_palette():
    target = TARGETS["sketches"](VQGANArguments(target="sketches", discriminator_start=1.0, output_dir="unused"))
    logits = torch.randn(2, target.num_channels, 4, 6, generator=torch.Generator().manual_seed(0))
    class_maps, colors = pixels_to_class_maps(logits), (target.colors(logits) + 1) * 127.5
    for b, y, x in torch.cartesian_prod(*(torch.arange(n) for n in class_maps.shape)):
        assert colors[b, :, y, x].round().tolist() == palette[class_maps[b, y, x]].tolist()
