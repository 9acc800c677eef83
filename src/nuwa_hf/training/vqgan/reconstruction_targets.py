# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a VQ-GAN learns to reconstruct: the frames of EmojiMotion, or their sketches (VQ-GAN-Seg).

Letters in shapes: B batch, C channels, Y and X pixel rows and columns.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

from nuwa_hf.datasets.class_map import palette, sketch_class_names
from nuwa_hf.metrics.class_map_scores import frequency_weighted_iou, pixel_accuracy
from nuwa_hf.metrics.psnr import psnr
from nuwa_hf.modeling.class_maps import pixels_to_class_maps
from nuwa_hf.training.vqgan.emoji_motion_frames import EmojiFrames, EmojiSketches
from nuwa_hf.training.vqgan.vqgan_arguments import VQGANArguments
from nuwa_hf.training.vqgan.vqgan_losses import (
    class_map_loss,
    object_pixel_weights,
    reconstruction_loss,
)


class VQGANTarget(ABC):
    """What training needs to know about the images that a codec learns.

    Args:
        arguments (`VQGANArguments`): the weights of the loss.

    Attributes:
        dataset (`type[Dataset]`): makes the images of clips that are drawn.
        num_channels (`int`): channels of an image, C.
    """

    dataset: ClassVar[type[Dataset]]
    num_channels: ClassVar[int]

    def __init__(self, arguments: VQGANArguments):
        self.arguments = arguments

    @abstractmethod
    def loss(self, sample: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """The reconstruction loss.

        Args:
            sample (`torch.Tensor` of shape `(B, C, Y, X)`): the reconstruction.
            batch (`dict[str, torch.Tensor]`): `pixels` of the same shape, `object_mask` of shape `(B, Y, X)`.

        Returns:
            `torch.Tensor`, a scalar.
        """

    @abstractmethod
    def scores(self, sample: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scores of a reconstruction, for the log.

        Args:
            sample (`torch.Tensor` of shape `(B, C, Y, X)`): the reconstruction.
            batch (`dict[str, torch.Tensor]`): `pixels` of the same shape, `object_mask` of shape `(B, Y, X)`.

        Returns:
            `dict[str, torch.Tensor]`: scalars by name.
        """

    @abstractmethod
    def colors(self, pixels: Tensor) -> Tensor:
        """An image or its reconstruction in colours, for the sample sheets.

        Args:
            pixels (`torch.Tensor` of shape `(B, C, Y, X)`): originals or reconstructions.

        Returns:
            `torch.Tensor` of shape `(B, 3, Y, X)`: RGB, about [-1, 1].
        """


class FrameTarget(VQGANTarget):
    """RGB frames, with absolute and squared errors, measured by PSNR.

    Args:
        arguments (`VQGANArguments`): the weights of the loss.
    """

    dataset = EmojiFrames
    num_channels = 3

    def loss(self, sample: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """The weighted mean of the pixels' errors; see `VQGANTarget.loss`."""
        return reconstruction_loss(
            sample,
            batch["pixels"],
            object_pixel_weights(batch["object_mask"], self.arguments.object_weight),
            l1_weight=self.arguments.l1_weight,
            l2_weight=self.arguments.l2_weight,
        )

    def scores(self, sample: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """PSNR of the images and, where it is known where their objects are, of these; see `VQGANTarget.scores`."""
        sample, pixels = sample.clamp(-1, 1), batch["pixels"]
        scores = {"psnr": psnr(sample, pixels, value_range=2.0)}
        if self.arguments.dataset is None or self.arguments.is_moving_mnist:
            scores["psnr_objects"] = psnr(sample, pixels, batch["object_mask"], value_range=2.0)
        return scores

    def colors(self, pixels: Tensor) -> Tensor:
        """The pixels, which are RGB; see `VQGANTarget.colors`."""
        return pixels


class SketchTarget(VQGANTarget):
    """Sketches with one channel for each class, with cross-entropy, measured by pixel accuracy and FWIoU.

    Args:
        arguments (`VQGANArguments`): the weights of the loss.
    """

    dataset = EmojiSketches
    num_channels = len(sketch_class_names)

    def loss(self, sample: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """The weighted mean of the pixels' cross-entropies; see `VQGANTarget.loss`."""
        pixel_weights = object_pixel_weights(batch["object_mask"], self.arguments.object_weight)
        return class_map_loss(sample, pixels_to_class_maps(batch["pixels"]), pixel_weights)

    def scores(self, sample: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Pixel accuracy and FWIoU; see `VQGANTarget.scores`."""
        predicted, truth = pixels_to_class_maps(sample), pixels_to_class_maps(batch["pixels"])
        return {
            "pixel_accuracy": pixel_accuracy(predicted, truth),
            "fwiou": frequency_weighted_iou(predicted, truth, self.num_channels),
        }

    def colors(self, pixels: Tensor) -> Tensor:
        """The likeliest classes in the palette's colours; see `VQGANTarget.colors`."""
        colors = torch.tensor(palette, dtype=pixels.dtype, device=pixels.device)[pixels_to_class_maps(pixels)]
        return colors.movedim(-1, 1) / 127.5 - 1


TARGETS: dict[str, type[VQGANTarget]] = {"frames": FrameTarget, "sketches": SketchTarget}
