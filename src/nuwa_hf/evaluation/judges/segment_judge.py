# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The network that predicts the class map of a frame, so that a picture can be compared with the sketch it was made
from.

Shapes: B frames, Y rows, X columns of pixels, C classes.
"""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

from nuwa_hf.evaluation.judges.judge_folders import check_judge
from nuwa_hf.evaluation.judges.judge_networks import (
    ConvolutionUnit,
    FrameJudge,
    ResidualUnit,
    averaged_to,
)


class SegmentJudge(ModelMixin, ConfigMixin):
    """A small U-shaped convolutional network that names the class of every pixel of one frame.

    A pixel's class is predicted from features at an eighth of the resolution, through skip connections, and from the
    pixel's own neighbourhood. The downsampling layers are those of the frame judge and can start from its weights.

    Args:
        class_names (`list[str]`): the classes of a sketch, in the order of the logits.
        width (`int`, defaults to 24): channels at half the resolution; at a quarter and an eighth there are 2 and 4
            times as many.
        image_size (`int`, *optional*): rows of pixels that it looks at, as for the frame judge. The logits of a
            larger frame are interpolated between its pixels.
    """

    @register_to_config
    def __init__(self, class_names: list[str], width: int = 24, image_size: int | None = None):
        check_judge(class_names=class_names, width=width, image_size=image_size)
        super().__init__()
        self.stem = nn.Sequential(
            ConvolutionUnit(3, width, kernel_size=5, stride=2),
            ConvolutionUnit(width, 2 * width, stride=2),
        )
        self.middle = nn.Sequential(ResidualUnit(2 * width), ConvolutionUnit(2 * width, 4 * width, stride=2))
        self.last = ResidualUnit(4 * width)
        self.up_quarter = ConvolutionUnit(6 * width, 2 * width)
        self.up_half = ConvolutionUnit(3 * width, width)
        self.detail = ConvolutionUnit(3, width // 2)
        self.head = nn.Sequential(
            ConvolutionUnit(width + width // 2, width, kernel_size=1), nn.Conv2d(width, len(class_names), 1)
        )

    def start_from(self, frame_judge: FrameJudge) -> None:
        """Copy the downsampling layers of a frame judge.

        Args:
            frame_judge (`FrameJudge`): of the same width.
        """
        for name in ("stem", "middle", "last"):
            getattr(self, name).load_state_dict(getattr(frame_judge, name).state_dict())

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Segment frames.

        Args:
            pixel_values (`torch.Tensor` of shape `(B, 3, Y, X)`): frames in [0, 1], sides multiples of 8.

        Returns:
            `torch.Tensor` of shape `(B, C, Y, X)`: logits.
        """
        pixels = 2 * averaged_to(pixel_values, self.config.image_size) - 1
        half = self.stem[0](pixels)
        quarter = self.middle[0](self.stem[1](half))
        eighth = self.last(self.middle[1](quarter))
        hidden_states = self.up_quarter(torch.cat([functional.interpolate(eighth, scale_factor=2.0), quarter], dim=1))
        hidden_states = self.up_half(torch.cat([functional.interpolate(hidden_states, scale_factor=2.0), half], dim=1))
        hidden_states = functional.interpolate(hidden_states, scale_factor=2.0)
        logits = self.head(torch.cat([hidden_states, self.detail(pixels)], dim=1))
        if logits.shape[-2:] == pixel_values.shape[-2:]:
            return logits
        return functional.interpolate(logits, pixel_values.shape[-2:], mode="bilinear")
