# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The networks that judge a clip: one names what a frame shows, the other how the thing moves.

Shapes: B clips, T frames, Y rows, X columns of pixels, C channels, F features.
"""

from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.utils import BaseOutput
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from nuwa_hf.evaluation.judges.judge_folders import check_judge


@dataclass
class FrameJudgeOutput(BaseOutput):
    """The frame judge's output for each frame.

    Args:
        object_logits (`torch.Tensor` of shape `(B, num_objects)`): higher for objects that are more likely on the
            frame, which may be several.
        background_logits (`torch.Tensor` of shape `(B, num_backgrounds)`): one background is right.
        features (`torch.Tensor` of shape `(B, F)`): what both heads read.
    """

    object_logits: Tensor
    background_logits: Tensor
    features: Tensor


@dataclass
class ClipJudgeOutput(BaseOutput):
    """The clip judge's output for each clip.

    Args:
        motion_logits (`torch.Tensor` of shape `(B, num_motions)`): one motion is right in a clip of one object.
        features (`torch.Tensor` of shape `(B, F)`): what the head reads.
    """

    motion_logits: Tensor
    features: Tensor


def averaged_to(pixel_values: Tensor, image_size: int | None) -> Tensor:
    """Frames at the size that a judge was trained on. Larger ones are averaged over squares of pixels.

    Args:
        pixel_values (`torch.Tensor` of shape `(B, C, Y, X)`): frames.
        image_size (`int`, *optional*): rows that come out; None leaves the frames as they are.

    Returns:
        `torch.Tensor` of shape `(B, C, image_size, X / Y * image_size)`.

    Raises:
        ValueError: If the frames do not have a whole multiple of `image_size` rows and columns.
    """
    if image_size is None or pixel_values.shape[-2] == image_size:
        return pixel_values
    rows, columns = pixel_values.shape[-2:]
    factor = rows // image_size
    if factor == 0 or rows % image_size or columns % factor:
        raise ValueError(
            f"`pixel_values` must have a whole multiple of {image_size} rows (`image_size` of this judge), got "
            f"{rows} x {columns} pixels; judge frames of the setting that it was trained on."
        )
    return functional.avg_pool2d(pixel_values, factor)


class ConvolutionUnit(nn.Module):
    """Convolution, batch normalisation, ReLU; half the rows and columns at `stride=2`."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1):
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Map `(B, in_channels, Y, X)` to `(B, out_channels, Y / stride, X / stride)`."""
        return functional.relu(self.norm(self.convolution(hidden_states)))


class ResidualUnit(nn.Module):
    """Two convolution units with a residual connection."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = ConvolutionUnit(channels, channels)
        self.second = ConvolutionUnit(channels, channels)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Map `(B, channels, Y, X)` to the same shape."""
        return hidden_states + self.second(self.first(hidden_states))


class FrameJudge(ModelMixin, ConfigMixin):
    """A small convolutional network that names the objects and the background of one frame.

    It sees one frame at a time, so it cannot use the motion. The verdict on a clip is the mean of the logits of its
    frames.

    Args:
        object_names (`list[str]`): the object classes, in the order of the logits.
        background_names (`list[str]`): the background classes, in the order of the logits.
        width (`int`, defaults to 24): channels after the first convolution; later layers have 2 and 4 times as many.
        image_size (`int`, *optional*): rows of pixels that it looks at. Larger frames are averaged down to it; None
            means that frames are judged as they are.
    """

    @register_to_config
    def __init__(
        self,
        object_names: list[str],
        background_names: list[str],
        width: int = 24,
        image_size: int | None = None,
    ):
        check_judge(object_names=object_names, background_names=background_names, width=width, image_size=image_size)
        super().__init__()
        self.stem = nn.Sequential(
            ConvolutionUnit(3, width, kernel_size=5, stride=2),
            ConvolutionUnit(width, 2 * width, stride=2),
        )
        self.middle = nn.Sequential(ResidualUnit(2 * width), ConvolutionUnit(2 * width, 4 * width, stride=2))
        self.last = ResidualUnit(4 * width)
        # The mean captures the scene, the maximum a thing that covers few cells.
        self.object_head = nn.Linear(8 * width, len(object_names))
        self.background_head = nn.Linear(8 * width, len(background_names))

    def forward(self, pixel_values: Tensor) -> FrameJudgeOutput:
        """Judge frames.

        Args:
            pixel_values (`torch.Tensor` of shape `(B, 3, Y, X)`): frames in [0, 1].

        Returns:
            `FrameJudgeOutput`: object logits, background logits and the features below them.
        """
        hidden_states = self.stem(2 * averaged_to(pixel_values, self.config.image_size) - 1)
        hidden_states = self.last(self.middle(hidden_states))
        features = torch.cat([hidden_states.mean(dim=(2, 3)), hidden_states.amax(dim=(2, 3))], dim=1)
        return FrameJudgeOutput(
            object_logits=self.object_head(features),
            background_logits=self.background_head(features),
            features=features,
        )


class ClipJudge(ModelMixin, ConfigMixin):
    """A small convolutional network that names the motion of a clip with one object.

    Each frame minus the clip's mean frame goes through the same two convolutions; then the frames are stacked along
    the channels. This removes what does not change, such as the background, before the first layer: all clips without
    motion get the same verdict.

    Args:
        motion_names (`list[str]`): the motion classes, in the order of the logits.
        num_frames (`int`): frames in every clip.
        width (`int`, defaults to 16): channels of each frame after the first convolution; after the second there are
            2 times as many, in the stack 8 times.
        image_size (`int`, *optional*): rows of pixels that it looks at, as for the frame judge.
    """

    pooled_size = 4

    @register_to_config
    def __init__(self, motion_names: list[str], num_frames: int, width: int = 16, image_size: int | None = None):
        check_judge(motion_names=motion_names, num_frames=num_frames, width=width, image_size=image_size)
        super().__init__()
        self.frame_stem = nn.Sequential(
            ConvolutionUnit(3, width, stride=2),
            ConvolutionUnit(width, 2 * width, stride=2),
        )
        self.stack = nn.Sequential(
            ConvolutionUnit(num_frames * 2 * width, 8 * width, stride=2),
            ResidualUnit(8 * width),
            ConvolutionUnit(8 * width, 8 * width, stride=2),
        )
        self.projection = nn.Linear(8 * width * self.pooled_size**2, 4 * width)
        self.motion_head = nn.Linear(4 * width, len(motion_names))

    def forward(self, pixel_values: Tensor) -> ClipJudgeOutput:
        """Judge clips.

        Args:
            pixel_values (`torch.Tensor` of shape `(B, T, 3, Y, X)`): clips in [0, 1], `T` equal to `num_frames`.

        Returns:
            `ClipJudgeOutput`: motion logits and the features below them.

        Raises:
            ValueError: If `T` is not the number of frames this judge was made for.
        """
        batch, num_frames = pixel_values.shape[:2]
        if num_frames != self.config.num_frames:
            raise ValueError(
                f"`pixel_values` must hold {self.config.num_frames} frames a clip (`num_frames` of this judge), "
                f"got {num_frames}; judge clips of the setting the judge was trained on."
            )
        changes = 2 * (pixel_values - pixel_values.mean(dim=1, keepdim=True))
        changes = averaged_to(rearrange(changes, "b t c y x -> (b t) c y x"), self.config.image_size)
        hidden_states = self.frame_stem(changes)
        hidden_states = self.stack(rearrange(hidden_states, "(b t) c y x -> b (t c) y x", b=batch))
        hidden_states = functional.adaptive_avg_pool2d(hidden_states, self.pooled_size)
        features = functional.relu(self.projection(hidden_states.flatten(1)))
        return ClipJudgeOutput(motion_logits=self.motion_head(features), features=features)
