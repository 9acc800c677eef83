# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An optional perceptual loss on the features of a VGG16 whose weights the user supplies."""

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from safetensors import safe_open
from torch import Tensor, nn


# torchvision's numbers of the convolutions in `features`, stage by stage; a pooling stands between two stages.
VGG16_STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class PerceptualLoss(nn.Module):
    """The distance of two images in the unit-normalised features of a frozen VGG16 (after Zhang et al. 2018).

        mean over the five stages of mean_yx ||f(x) / ||f(x)|| - f(y) / ||f(y)|| ||^2

    Deviation: LPIPS' learnt channel weights are left out. Nothing is downloaded.

    Args:
        weights (`str` or `Path`): a `.safetensors` file with torchvision's VGG16 names, `features.0.weight` and so on;
            entries under `classifier.` are not needed and not read.

    Raises:
        ValueError: If the file does not exist or lacks a convolution.
    """

    def __init__(self, weights: str | Path):
        super().__init__()
        self.convolutions = nn.ModuleDict()
        state = _read_convolutions(Path(weights))
        for number in sum(VGG16_STAGES, ()):
            weight, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
            convolution = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
            convolution.load_state_dict({"weight": weight, "bias": bias})
            self.convolutions[str(number)] = convolution
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)
        self.requires_grad_(False)

    def features(self, pixels: Tensor) -> list[Tensor]:
        """The last activations of every stage.

        Args:
            pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): images in [-1, 1], at least 16 pixels high and wide.

        Returns:
            `list[torch.Tensor]`: stage i has the shape `(B, C_i, Y / 2**i, X / 2**i)`.
        """
        hidden = ((pixels + 1) / 2 - self.mean) / self.std
        features = []
        for stage, numbers in enumerate(VGG16_STAGES):
            hidden = F.max_pool2d(hidden, 2) if stage else hidden
            for number in numbers:
                hidden = F.relu(self.convolutions[str(number)](hidden))
            features.append(hidden)
        return features

    def forward(self, sample: Tensor, pixels: Tensor) -> Tensor:
        """Compares reconstructions with originals.

        Args:
            sample (`torch.Tensor` of shape `(B, 3, Y, X)`): the reconstructions in [-1, 1].
            pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): the originals in [-1, 1].

        Returns:
            `torch.Tensor`, a scalar of at least 0.
        """
        pairs = zip(self.features(sample), self.features(pixels), strict=True)
        distances = [(F.normalize(one) - F.normalize(other)).square().sum(dim=1).mean() for one, other in pairs]
        return torch.stack(distances).mean()


def _read_convolutions(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors" or not path.is_file():
        raise ValueError(
            f"`perceptual_weights` must be an existing .safetensors file of VGG16, got {str(path)!r}; "
            "convert the weights yourself, or leave it out to train without the perceptual loss."
        )
    names = [f"features.{number}.{kind}" for number in sum(VGG16_STAGES, ()) for kind in ("weight", "bias")]
    with safe_open(path, framework="pt") as file:
        missing = sorted(set(names) - set(file.keys()))
        if missing:
            raise ValueError(
                f"`perceptual_weights` must hold every convolution of VGG16, but {path} lacks {missing[0]!r}; "
                "use torchvision's names."
            )
        return {name: file.get_tensor(name) for name in names}
