# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A codec that codes every frame alone, from what codes images.

Shapes: B batch, C channels, Y and X pixel rows and columns, h, w token rows and columns.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from diffusers.utils import BaseOutput

from nuwa_hf.grid import Grid
from nuwa_hf.modeling.codec.frames import (
    check_pixels,
    check_token_grid,
    fold_frames,
    grid_of_frames,
    unfold_frames,
    unfold_pixels,
)


@dataclass
class FrameCodecEncoderOutput(BaseOutput):
    """Output of `FrameCodec.encode`.

    Args:
        tokens (`torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`): in `[0, codebook_size)`.
        latents (`torch.Tensor` of shape `(B, D, h, w)` or `(B, t, D, h, w)`, *optional*): the latents before
            quantisation, from a codec that gives them.
    """

    tokens: torch.LongTensor
    latents: torch.Tensor = None


@dataclass
class FrameCodecDecoderOutput(BaseOutput):
    """Output of `FrameCodec.decode`.

    Args:
        sample (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): pixels, about [-1, 1], not clamped.
    """

    sample: torch.Tensor


class FrameCodec:
    """The protocol `Codec`, for whoever writes `encode_images`, `decode_images` and the protocol's five numbers.

    Attributes:
        temporal_factor (`int`): 1.
    """

    codebook_size: int
    in_channels: int
    out_channels: int
    sample_size: int
    spatial_factor: int
    temporal_factor = 1

    @abstractmethod
    def encode_images(self, images: torch.Tensor) -> torch.LongTensor:
        """Tokens of images.

        Args:
            images (`torch.Tensor` of shape `(B, C, Y, X)`): float, Y and X multiples of `spatial_factor`.

        Returns:
            `torch.LongTensor` of shape `(B, h, w)`.
        """

    @abstractmethod
    def decode_images(self, tokens: torch.LongTensor) -> torch.Tensor:
        """Images of tokens.

        Args:
            tokens (`torch.LongTensor` of shape `(B, h, w)`): in `[0, codebook_size)`.

        Returns:
            `torch.Tensor` of shape `(B, C, Y, X)`.
        """

    def grid(self, num_frames: int, height: int, width: int) -> Grid:
        """The tokens of a video; see `Codec.grid`."""
        return grid_of_frames(self.spatial_factor, num_frames, height, width)

    def encode(self, pixels: torch.Tensor) -> FrameCodecEncoderOutput:
        """Turns pixels into tokens; see `Codec.encode`."""
        check_pixels(pixels, self.in_channels, self.spatial_factor)
        num_frames = pixels.shape[2] if pixels.ndim == 5 else None
        return FrameCodecEncoderOutput(unfold_frames(self.encode_images(fold_frames(pixels)), num_frames))

    def decode(self, tokens: torch.LongTensor) -> FrameCodecDecoderOutput:
        """Turns tokens into pixels; see `Codec.decode`."""
        check_token_grid(tokens)
        num_frames = tokens.shape[1] if tokens.ndim == 4 else None
        frames = tokens.flatten(0, 1) if tokens.ndim == 4 else tokens
        return FrameCodecDecoderOutput(unfold_pixels(self.decode_images(frames.long()), num_frames))

    def decoding_memory(self, num_frames: int, height: int, width: int) -> int:
        """0, for it is not known; see `Codec.decoding_memory`."""
        return 0
