# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights of tiny classifiers under the names of their files."""

import torch

from nuwa_hf.classifiers.efficientnet_lite import LITE_STRIDES
from nuwa_hf.classifiers.vgg16 import VGG16_STAGES


def tiny_vgg16_state() -> dict[str, torch.Tensor]:
    """A VGG16 of two channels a stage."""
    state, channels = {}, 3
    for number in sum(VGG16_STAGES, ()):
        state[f"features.{number}.weight"] = torch.randn(2, channels, 3, 3)
        state[f"features.{number}.bias"] = torch.randn(2)
        channels = 2
    return state


def tiny_efficientnet_lite_state() -> dict[str, torch.Tensor]:
    """An EfficientNet-Lite0 of five classes and few channels, whose kernels are 3 and 5 wide in turn."""
    state = {}

    def add(conv: str, norm: str, *shape: int) -> None:
        state[f"{conv}.weight"] = torch.randn(shape)
        for kind in ("weight", "bias", "running_mean"):
            state[f"{norm}.{kind}"] = torch.randn(shape[0])
        state[f"{norm}.running_var"] = torch.rand(shape[0])

    add("_conv_stem", "_bn0", 2, 3, 3, 3)
    for block in range(len(LITE_STRIDES)):
        name, inner, kernel = f"_blocks.{block}", 4 if block else 2, 3 + 2 * (block % 2)
        if block:
            add(f"{name}._expand_conv", f"{name}._bn0", inner, 2, 1, 1)
        add(f"{name}._depthwise_conv", f"{name}._bn1", inner, 1, kernel, kernel)
        add(f"{name}._project_conv", f"{name}._bn2", 2, inner, 1, 1)
    add("_conv_head", "_bn1", 6, 2, 1, 1)
    return {**state, "_fc.weight": torch.randn(5, 6), "_fc.bias": torch.randn(5)}
