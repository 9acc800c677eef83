# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from torch import nn

from nuwa_hf.training.vqgan.vqgan_losses import (
    adaptive_weight,
    class_map_loss,
    hinge_discriminator_loss,
    hinge_generator_loss,
    last_layer_gradient,
    object_pixel_weights,
    reconstruction_loss,
)


def test_reconstruction_loss_is_the_weighted_mean_over_pixels():
    sample, pixels, mask = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5), torch.rand(2, 4, 5) < 0.3
    loss = reconstruction_loss(sample, pixels, object_pixel_weights(mask, 5.0), l1_weight=0.7, l2_weight=0.4)
    total = weight = 0.0
    for b, c, y, x in torch.cartesian_prod(*(torch.arange(n) for n in sample.shape)):
        pixel_weight = 5.0 if mask[b, y, x] else 1.0
        error = (sample - pixels)[b, c, y, x]
        total += pixel_weight * (0.7 * error.abs() + 0.4 * error**2)
        weight += pixel_weight
    torch.testing.assert_close(loss, total / weight)


def test_object_weight_of_one_is_the_plain_mean():
    sample, pixels = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    weights = object_pixel_weights(torch.rand(2, 4, 4) < 0.5, 1.0)
    torch.testing.assert_close(reconstruction_loss(sample, pixels, weights), (sample - pixels).abs().mean())


def test_class_map_loss_is_the_weighted_mean_of_the_cross_entropies():
    logits, class_maps, mask = torch.randn(2, 4, 3, 5), torch.randint(4, (2, 3, 5)), torch.rand(2, 3, 5) < 0.3
    loss = class_map_loss(logits, class_maps, object_pixel_weights(mask, 5.0))
    total = weight = 0.0
    for b, y, x in torch.cartesian_prod(*(torch.arange(n) for n in mask.shape)):
        pixel_weight = 5.0 if mask[b, y, x] else 1.0
        total -= pixel_weight * logits[b, :, y, x].softmax(dim=0)[class_maps[b, y, x]].log()
        weight += pixel_weight
    torch.testing.assert_close(loss, total / weight)


def test_hinge_losses_stop_at_the_margin():
    assert hinge_discriminator_loss(torch.tensor([1.0, 3.0]), torch.tensor([-1.0, -9.0])) == 0
    assert hinge_discriminator_loss(torch.tensor([0.0]), torch.tensor([0.5])) == 0.5 * (1 + 1.5)
    assert hinge_generator_loss(torch.tensor([1.0, 3.0])) == -2


def test_adaptive_weight_is_the_ratio_of_the_gradients_at_the_last_layer():
    """For y = w x, L_rec = sum |y - 10| and L_gan = 3 sum y, the gradients by w are -sum x and 3 sum x."""
    last_layer = nn.Parameter(torch.tensor([1.0]))
    x = torch.tensor([1.0, 2.0])
    sample = last_layer * x
    gradients = [last_layer_gradient(loss, last_layer) for loss in ((sample - 10).abs().sum(), 3 * sample.sum())]
    torch.testing.assert_close(gradients[0], torch.tensor([-3.0]))
    torch.testing.assert_close(gradients[1], torch.tensor([9.0]))
    weight = adaptive_weight(*gradients)
    torch.testing.assert_close(weight, torch.tensor(3 / (9 + 1e-4)))
    assert last_layer.grad is None
    assert not weight.requires_grad


def test_adaptive_weight_is_limited_when_the_adversarial_gradient_vanishes():
    assert adaptive_weight(torch.full((4,), 100.0), torch.zeros(4)) == 1e4


@pytest.mark.parametrize("factor", [1e-8, 1.0, 1e3])
def test_gradients_that_pass_through_fp16_neither_vanish_nor_overflow(factor):
    last_layer = torch.ones(4, requires_grad=True)
    loss = (last_layer.half().float() * torch.tensor([factor, -factor, 0, factor])).sum()
    expected = torch.tensor([factor, -factor, 0, factor])
    torch.testing.assert_close(last_layer_gradient(loss, last_layer, 2.0**16), expected, rtol=1e-3, atol=0)
    assert not last_layer_gradient(loss * torch.inf, last_layer, 2.0**16).isfinite().all()
