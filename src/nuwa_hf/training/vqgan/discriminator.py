# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The discriminator that judges patches of images, for the VQ-GAN's adversarial loss."""

import math

from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """PatchGAN: strided convolutions to one logit for every overlapping patch (Isola et al. 2017).

    Deviation: group instead of batch normalisation, so that a logit depends on its own image alone and training does
    not depend on the batch size or the number of processes.

    Args:
        in_channels (`int`): C, the channels of an image.
        channels (`int`): channels of the first layer; they double per layer, up to eightfold.
        num_layers (`int`): strided layers, each of which halves the image.
    """

    def __init__(self, in_channels: int = 3, channels: int = 64, num_layers: int = 3):
        super().__init__()
        widths = [min(2**level, 8) * channels for level in range(num_layers + 1)]
        layers: list[nn.Module] = [nn.Conv2d(in_channels, widths[0], 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for level in range(1, num_layers + 1):
            stride = 2 if level < num_layers else 1
            layers += [
                nn.Conv2d(widths[level - 1], widths[level], 4, stride=stride, padding=1, bias=False),
                nn.GroupNorm(math.gcd(8, widths[level]), widths[level]),
                nn.LeakyReLU(0.2),
            ]
        layers.append(nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.layers = nn.Sequential(*layers)
        self.apply(_initialize)

    def forward(self, pixels: Tensor) -> Tensor:
        """Judges images.

        Args:
            pixels (`torch.Tensor` of shape `(B, C, Y, X)`): images in [-1, 1].

        Returns:
            `torch.Tensor` of shape `(B, 1, y, x)`: one logit per patch, high for originals.
        """
        return self.layers(pixels)


def smallest_judged(num_layers: int) -> int:
    """Rows and columns of the smallest image that gives a logit.

    Args:
        num_layers (`int`): strided layers.

    Returns:
        `int`: every strided layer halves the image, and each of the two convolutions after them takes 1 away.
    """
    return 3 * 2**num_layers


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
