# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What every frozen classifier of ImageNet has whose features are compared.

Letters in shapes: B batch, C channels, Y and X pixel rows and columns.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init


IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class FeatureNetwork(nn.Module, ABC):
    """An image classifier or its first layers, frozen.

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


def make_convolution(weight: Tensor, bias: Tensor, *, stride: int = 1, padding: int = 0, groups: int = 1) -> nn.Conv2d:
    """A convolution with given weights.

    Args:
        weight (`torch.Tensor` of shape `(C_out, C_in / groups, k, k)`): the kernels.
        bias (`torch.Tensor` of shape `(C_out,)`): what is added.
        stride (`int`, defaults to 1): pixels from one place to the next.
        padding (`int`, defaults to 0): pixels added on each side.
        groups (`int`, defaults to 1): groups of channels that do not meet.

    Returns:
        `nn.Conv2d`.
    """
    sizes = (weight.shape[1] * groups, weight.shape[0], weight.shape[-1])
    # Fresh weights would cost time and random numbers.
    convolution = skip_init(nn.Conv2d, *sizes, stride=stride, padding=padding, groups=groups)
    convolution.load_state_dict({"weight": weight, "bias": bias})
    return convolution
