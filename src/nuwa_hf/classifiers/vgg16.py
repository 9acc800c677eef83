# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""VGG16's features.

Letters in shapes: B batch, C channels, Y and X pixel rows and columns.
"""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from nuwa_hf.classifiers.feature_network import FeatureNetwork, make_convolution


VGG16_STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))


class VGG16Features(FeatureNetwork):
    """The last activations of VGG16's five stages, at the sizes 1, 1/2, 1/4, 1/8 and 1/16 of the image.

    Args:
        state (`dict[str, torch.Tensor]`): with torchvision's names, `features.0.weight` and so on.
    """

    title = "VGG16"
    first_name = "features.0.weight"

    @classmethod
    def tensor_names(cls) -> list[str]:
        """Weight and bias of the thirteen convolutions; see `FeatureNetwork.tensor_names`."""
        return [f"features.{number}.{kind}" for number in sum(VGG16_STAGES, ()) for kind in ("weight", "bias")]

    def build(self, state: dict[str, Tensor]) -> None:
        """Takes the convolutions as they are; see `FeatureNetwork.build`."""
        for number in sum(VGG16_STAGES, ()):
            weight, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
            self.convolutions[str(number)] = make_convolution(weight, bias, padding=1)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Images of at least 16 pixels to five features; see `FeatureNetwork.forward`."""
        hidden = self.normalized(pixels)
        features = []
        for stage, numbers in enumerate(VGG16_STAGES):
            hidden = F.max_pool2d(hidden, 2) if stage else hidden
            for number in numbers:
                hidden = F.relu(self.convolutions[str(number)](hidden))
            features.append(hidden)
        return features
