# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.training.vqgan.discriminator import PatchDiscriminator


def test_logit_of_an_image_does_not_depend_on_its_batch():
    discriminator = PatchDiscriminator(3, channels=8, num_layers=2)
    pixels = torch.randn(4, 3, 32, 32)
    alone = torch.cat([discriminator(one[None]) for one in pixels])
    torch.testing.assert_close(discriminator(pixels), alone, atol=1e-5, rtol=1e-5)  # other blocking of the sums


@pytest.mark.parametrize(("num_layers", "side"), [(1, 30), (2, 14), (3, 6)])
def test_every_layer_halves_the_map_of_logits(num_layers, side):
    logits = PatchDiscriminator(3, channels=4, num_layers=num_layers)(torch.zeros(1, 3, 64, 64))
    assert logits.shape == (1, 1, side, side)


def test_logit_sees_its_patch_and_the_statistics_of_its_image_alone():
    """With the normalisations made trivial, a far pixel does not reach the first logit."""
    discriminator = PatchDiscriminator(3, channels=4, num_layers=2)
    for name, module in list(discriminator.layers.named_children()):
        if isinstance(module, torch.nn.GroupNorm):
            discriminator.layers[int(name)] = torch.nn.Identity()
    pixels = torch.randn(1, 3, 64, 64, requires_grad=True)
    discriminator(pixels)[0, 0, 0, 0].backward()
    assert pixels.grad[..., :8, :8].abs().sum() > 0
    assert pixels.grad[..., 34:, :].abs().sum() == pixels.grad[..., :, 34:].abs().sum() == 0
