# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An optional perceptual loss on the features of a classifier whose weights the user supplies."""

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from safetensors import safe_open
from torch import Tensor, nn

from nuwa_hf.classifiers.efficientnet_lite import EfficientNetLiteFeatures
from nuwa_hf.classifiers.feature_network import FeatureNetwork
from nuwa_hf.classifiers.vgg16 import VGG16Features


FEATURE_NETWORKS: tuple[type[FeatureNetwork], ...] = (VGG16Features, EfficientNetLiteFeatures)


class PerceptualLoss(nn.Module):
    """The distance of two images in the unit-normalised features of a frozen classifier (after Zhang et al. 2018).

        mean over the levels of mean_yx ||f(x) / ||f(x)|| - f(y) / ||f(y)|| ||^2

    Deviation: LPIPS' learnt channel weights are left out. Nothing is downloaded.

    Args:
        weights (`str` or `Path`): a `.safetensors` file of VGG16 with torchvision's names, `features.0.weight` and so
            on, or of EfficientNet-Lite0 (`nuwa_hf.classifiers.efficientnet_lite.EfficientNetLiteFeatures`); what is
            not needed in it is not read.

    Raises:
        ValueError: If the file does not exist, is of another network or lacks a tensor.
    """

    def __init__(self, weights: str | Path):
        super().__init__()
        self.network = read_feature_network(Path(weights))

    def forward(self, sample: Tensor, pixels: Tensor) -> Tensor:
        """Compares reconstructions with originals.

        Args:
            sample (`torch.Tensor` of shape `(B, 3, Y, X)`): the reconstructions in [-1, 1].
            pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): the originals in [-1, 1].

        Returns:
            `torch.Tensor`, a scalar of at least 0.
        """
        with torch.no_grad():
            originals = self.network(pixels)
        pairs = zip(self.network(sample), originals, strict=True)
        distances = [(F.normalize(one) - F.normalize(other)).square().sum(dim=1).mean() for one, other in pairs]
        return torch.stack(distances).mean()


def read_feature_network(path: Path) -> FeatureNetwork:
    """The network whose weights a file holds.

    Args:
        path (`Path`): a `.safetensors` file.

    Returns:
        `FeatureNetwork`.

    Raises:
        ValueError: If the file does not exist, is of another network or lacks a tensor.
    """
    titles = " or ".join(network.title for network in FEATURE_NETWORKS)
    if path.suffix != ".safetensors" or not path.is_file():
        raise ValueError(
            f"`perceptual_weights` must be an existing .safetensors file of {titles}, got {str(path)!r}; "
            "convert the weights yourself, or leave it out to train without the perceptual loss."
        )
    with safe_open(path, framework="pt") as file:
        held = set(file.keys())
        network = next((network for network in FEATURE_NETWORKS if network.first_name in held), None)
        if network is None:
            raise ValueError(f"`perceptual_weights` must be weights of {titles}, but {path} holds neither's names.")
        names = network.tensor_names()
        missing = [name for name in names if name not in held]
        if missing:
            raise ValueError(
                f"`perceptual_weights` must hold every convolution of {network.title}, but {path} lacks "
                f"{missing[0]!r}; convert the whole file."
            )
        return network({name: file.get_tensor(name) for name in names})
