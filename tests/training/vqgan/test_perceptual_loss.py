# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from safetensors.torch import save_file
from tiny_classifiers import tiny_efficientnet_lite_state, tiny_vgg16_state

from nuwa_hf.training.vqgan.perceptual_loss import PerceptualLoss


@pytest.mark.parametrize("make_state", [tiny_vgg16_state, tiny_efficientnet_lite_state])
def test_perceptual_loss_is_zero_only_for_equal_images_and_trains_the_sample_alone(tmp_path, make_state):
    save_file(make_state(), tmp_path / "network.safetensors")
    before = torch.get_rng_state()
    perceptual = PerceptualLoss(tmp_path / "network.safetensors")
    assert torch.equal(torch.get_rng_state(), before)
    pixels, sample = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32, requires_grad=True)
    assert perceptual(pixels, pixels) == 0
    loss = perceptual(sample, pixels)
    loss.backward()
    assert loss > 0
    assert sample.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in perceptual.parameters())


def test_perceptual_weights_that_do_not_exist_or_lack_a_layer_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"`perceptual_weights`.*none\.safetensors"):
        PerceptualLoss(tmp_path / "none.safetensors")
    for name, message in (
        ("features.0.weight", r"lacks 'features\.0\.bias'"),
        ("_conv_stem.weight", r"lacks '_bn0\.weight'"),
        ("conv1.weight", "weights of VGG16 or EfficientNet-Lite0"),
    ):
        save_file({name: torch.zeros(2, 3, 3, 3)}, tmp_path / "part.safetensors")
        with pytest.raises(ValueError, match=message):
            PerceptualLoss(tmp_path / "part.safetensors")
