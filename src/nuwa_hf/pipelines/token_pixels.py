# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Between pixels and tokens, a few frames at a time.

Legend: B batch, T frames, H, W token grid, Y, X pixel rows and columns.
"""

import numpy as np
import PIL.Image
import torch
from diffusers.image_processor import VaeImageProcessor

from nuwa_hf.modeling.class_maps import class_maps_to_pixels
from nuwa_hf.modeling.codec import Codec
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.modeling.codec.finite_numbers import check_finite, encode_finite
from nuwa_hf.modeling.codec.protocol import check_tokens_in_codebook


def sketch_tokens_of(codec: Codec, sketches: torch.Tensor, *, device: torch.device | str) -> torch.Tensor:
    """Encode class maps.

    Args:
        codec (`Codec`): the codec of sketches.
        sketches (`torch.LongTensor` of shape `(B, T, Y, X)`): class indices.
        device (`torch.device`): where the codec runs.

    Returns:
        `torch.LongTensor` of shape `(B, T, H, W)`.

    Raises:
        FloatingPointError: If the codec's numbers are not finite.
    """

    def encode(class_maps: torch.Tensor) -> torch.Tensor:
        return encode_finite(codec, class_maps_to_pixels(class_maps.to(device), codec.in_channels))

    height, width = sketches.shape[-2:]
    tokens = few_at_once(encode, sketches.flatten(0, 1), height=height, width=width)
    return tokens.unflatten(0, sketches.shape[:2])


def pixels_of(codec: Codec, tokens: torch.Tensor) -> torch.Tensor:
    """Decode visual tokens.

    Args:
        codec (`Codec`): the codec.
        tokens (`torch.LongTensor` of shape `(B, T, H, W)`): the tokens.

    Returns:
        `torch.Tensor` of shape `(B, T, 3, Y, X)`: float32 in [0, 1].

    Raises:
        ValueError: If a token is not in the codebook.
        FloatingPointError: If a pixel is NaN or infinite.
    """
    check_tokens_in_codebook("tokens", tokens, codec.codebook_size)
    height, width = (places * codec.spatial_factor for places in tokens.shape[-2:])

    def decode(piece: torch.Tensor) -> torch.Tensor:
        pixels = codec.decode(piece).sample
        check_finite("pixels", pixels)
        return (pixels.float() / 2 + 0.5).clamp(0, 1)

    return few_at_once(decode, tokens.flatten(0, 1), height=height, width=width).unflatten(0, tokens.shape[:2])


def frames_of(pixels: torch.Tensor, output_type: str) -> list[list[PIL.Image.Image]] | np.ndarray | torch.Tensor:
    """Pixels as pictures, as an array or as they are.

    Args:
        pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        output_type (`str`): `"pil"`, `"np"` or `"pt"`.

    Returns:
        `list[list[PIL.Image.Image]]`, `np.ndarray` of shape `(B, T, Y, X, 3)`, or `torch.Tensor` as given.
    """
    if output_type == "pt":
        return pixels
    array = pixels.permute(0, 1, 3, 4, 2).cpu().numpy()
    if output_type == "np":
        return array
    # One by one, since diffusers makes floats of 0 to 255 of all that it is given.
    return [[VaeImageProcessor.numpy_to_pil(frame)[0] for frame in frames] for frames in array]
