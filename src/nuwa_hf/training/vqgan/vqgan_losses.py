# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The terms of the VQ-GAN's loss.

Letters in shapes: B batch, C channels, Y and X pixel rows and columns.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def object_pixel_weights(object_mask: Tensor, object_weight: float) -> Tensor:
    """The weight of every pixel: `object_weight` on objects, 1 elsewhere.

    Args:
        object_mask (`torch.Tensor` of shape `(B, Y, X)`): 1 or True where an object's pixels are.
        object_weight (`float`): the weight there.

    Returns:
        `torch.Tensor` of shape `(B, 1, Y, X)`, float32.
    """
    return 1 + (object_weight - 1) * object_mask.to(torch.float32)[:, None]


def reconstruction_loss(
    sample: Tensor, pixels: Tensor, pixel_weights: Tensor, *, l1_weight: float = 1.0, l2_weight: float = 0.0
) -> Tensor:
    """The weighted mean of the pixels' errors.

        sum_p w_p (l1 |x_p - y_p| + l2 (x_p - y_p)^2) / sum_p w_p

    Args:
        sample (`torch.Tensor` of shape `(B, C, Y, X)`): the reconstruction.
        pixels (`torch.Tensor` of shape `(B, C, Y, X)`): the original in [-1, 1].
        pixel_weights (`torch.Tensor` of shape `(B, 1, Y, X)`): from `object_pixel_weights`.
        l1_weight (`float`): the factor of the absolute error.
        l2_weight (`float`): the factor of the squared error.

    Returns:
        `torch.Tensor`, a scalar.
    """
    error = sample - pixels
    error = l1_weight * error.abs() + l2_weight * error.square()
    return (pixel_weights * error).mean() / pixel_weights.mean()


def class_map_loss(logits: Tensor, class_maps: Tensor, pixel_weights: Tensor) -> Tensor:
    """The weighted mean of the pixels' cross-entropies.

        -sum_p w_p log softmax(logits_p)[class_p] / sum_p w_p

    Args:
        logits (`torch.Tensor` of shape `(B, C, Y, X)`): the reconstruction, one channel for each class.
        class_maps (`torch.LongTensor` of shape `(B, Y, X)`): the right classes.
        pixel_weights (`torch.Tensor` of shape `(B, 1, Y, X)`): from `object_pixel_weights`.

    Returns:
        `torch.Tensor`, a scalar.
    """
    error = F.cross_entropy(logits, class_maps, reduction="none")[:, None]
    return (pixel_weights * error).mean() / pixel_weights.mean()


def hinge_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """The discriminator's loss: (mean max(0, 1 - D(x)) + mean max(0, 1 + D(y))) / 2.

    Args:
        real_logits (`torch.Tensor` of any shape): its output on originals.
        fake_logits (`torch.Tensor` of any shape): its output on reconstructions.

    Returns:
        `torch.Tensor`, a scalar.
    """
    return 0.5 * (F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean())


def hinge_generator_loss(fake_logits: Tensor) -> Tensor:
    """The adversarial loss of the VQ-GAN: -mean D(y).

    Args:
        fake_logits (`torch.Tensor` of any shape): the discriminator's output on reconstructions.

    Returns:
        `torch.Tensor`, a scalar.
    """
    return -fake_logits.mean()


def adaptive_weight(
    reconstruction_gradient: Tensor, adversarial_gradient: Tensor, *, maximum: float = 1e4, epsilon: float = 1e-4
) -> Tensor:
    """The factor that gives both losses equally large gradients in the decoder's last layer.

        lambda = ||grad L_rec|| / (||grad L_gan|| + epsilon), in [0, maximum]    (Esser et al. 2021, equation 7)

    Args:
        reconstruction_gradient (`torch.Tensor` of any shape): of the reconstruction loss, by the last layer's weight.
        adversarial_gradient (`torch.Tensor` of the same shape): of the adversarial loss, by the same weight.
        maximum (`float`): the upper limit.
        epsilon (`float`): avoids division by zero.

    Returns:
        `torch.Tensor`, a scalar without a gradient.
    """
    ratio = reconstruction_gradient.norm() / (adversarial_gradient.norm() + epsilon)
    return ratio.clamp(0.0, maximum).detach()


def last_layer_gradient(loss: Tensor, last_layer: Tensor, scale: float = 1.0) -> Tensor:
    """The gradient of a loss by one weight alone; the graph is kept and no `.grad` is touched.

    Args:
        loss (`torch.Tensor`): a scalar.
        last_layer (`torch.Tensor` of any shape): the weight.
        scale (`float`, defaults to 1.0): a power of two by which the loss is multiplied on the way back, and the
            gradient divided, so that small ones do not vanish in fp16. Where that is too much, less is tried.

    Returns:
        `torch.Tensor` of the weight's shape.
    """
    while True:
        gradient = torch.autograd.grad(loss * scale, last_layer, retain_graph=True)[0] / scale
        if scale <= 1 or gradient.isfinite().all():
            return gradient
        scale = max(1.0, scale / 16)
