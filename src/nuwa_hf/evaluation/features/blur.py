# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Features of blurred samples: FID-k compares sets after a blur that hides details below k pixels."""

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


class BlurredReader(FeatureReader):
    """Blurs every frame by Pillow's Gaussian blur before another reader reads it, as DALL-E's and the paper's FID-k.

    Args:
        reader (`FeatureReader`): what reads the frames.
        radius (`int`): the blur's standard deviation k, in pixels; 0 leaves the frames as they are.
    """

    def __init__(self, reader: FeatureReader, radius: int):
        self.reader, self.radius = reader, radius
        self.kind = f"{reader.kind}@{radius}"
        self.title = f"{reader.title}, blurred with radius {radius}"
        self.digest = f"{reader.digest} blur {radius}" if radius else reader.digest
        self.needs = reader.needs
        self.least_frames = reader.least_frames

    def __call__(self, batch: SampleBatch) -> Features:
        """Read a batch; see `FeatureReader.__call__`."""
        return self.reader(SampleBatch(**{**vars(batch), "clips": blur(batch.clips, self.radius)}))


def blur(clips: Tensor, radius: int) -> Tensor:
    """Blur frames.

    Args:
        clips (`torch.ByteTensor` of shape `(B, T, 3, Y, X)`): in 0..255.
        radius (`int`): the standard deviation in pixels.

    Returns:
        `torch.ByteTensor` of the same shape.
    """
    if radius == 0:
        return clips
    frames = clips.flatten(0, 1).movedim(1, -1).cpu().numpy()
    blurred = [Image.fromarray(frame).filter(ImageFilter.GaussianBlur(radius)) for frame in frames]
    return torch.from_numpy(np.stack(blurred)).movedim(-1, 1).reshape(clips.shape)
