# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The known part of an image or video: which tokens are given, and which pixels are returned unchanged.

Legend: B batch, T frames, Y, X pixel rows and columns, h, w token rows and columns.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional

from nuwa_hf.modeling.codec import Codec
from nuwa_hf.modeling.codec.few_frames import few_at_once
from nuwa_hf.modeling.codec.finite_numbers import encode_finite
from nuwa_hf.pipelines.mask_input import known_places


@dataclass(frozen=True)
class KnownPart:
    """The given part of some images or videos.

    Args:
        pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1]; those to be filled are ignored.
        masks (`torch.BoolTensor` of shape `(B, T, Y, X)`): True where pixels are to be filled.
        tokens (`torch.LongTensor` of shape `(B, T, h, w)`): visual tokens, meaningful where `places`; 0 in a frame of
            which no place is given.
        places (`torch.BoolTensor` of shape `(B, T, h, w)`): True where all pixels of a place are given.
    """

    pixels: torch.Tensor
    masks: torch.Tensor
    tokens: torch.Tensor
    places: torch.Tensor

    def conditions(self, condition_on_known: bool) -> dict[str, torch.Tensor | bool]:
        """The known part as `NuwaForConditionalGeneration.generate` takes it.

        Args:
            condition_on_known (`bool`): whether the known tokens are a condition too.

        Returns:
            `dict[str, torch.Tensor | bool]`: `known_tokens`, `known_mask` and `condition_on_known`.
        """
        return {"known_tokens": self.tokens, "known_mask": self.places, "condition_on_known": condition_on_known}


def encode_known_part(codec: Codec, pixels: torch.Tensor, masks: torch.Tensor) -> KnownPart:
    """Encode images or videos that are to be filled in part; the pixels under the mask are never read, and frames
    without a given place are not encoded.

    Args:
        codec (`Codec`): the codec.
        pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1], on the device that the codec runs on.
        masks (`torch.BoolTensor` of shape `(B, T, Y, X)`): True where pixels are to be filled; on the same.

    Returns:
        `KnownPart`: on the same device.

    Raises:
        FloatingPointError: If the codec's numbers are not finite.
    """

    def encode(images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        return encode_finite(codec, 2 * smooth_over(images, hidden) - 1)

    height, width = masks.shape[-2:]
    places = known_places(masks, codec.spatial_factor)
    tokens, is_given = torch.zeros_like(places, dtype=torch.long), places.flatten(2).any(2)
    if is_given.any():
        tokens[is_given] = few_at_once(encode, pixels[is_given], masks[is_given], height=height, width=width)
    return KnownPart(pixels, masks, tokens, places)


def smooth_over(images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Replace masked pixels by a smooth continuation of the others.

    The codec sees the surroundings of every token, so pixels under the mask would influence the tokens beside it.
    Means of the given pixels over ever larger squares fill the hole from its border inwards.

    Args:
        images (`torch.Tensor` of shape `(B, 3, Y, X)`): any range; masked pixels are not read.
        masks (`torch.BoolTensor` of shape `(B, Y, X)`): True at pixels to replace.

    Returns:
        `torch.Tensor` of shape `(B, 3, Y, X)`: 0 everywhere in an image without given pixels.
    """
    given = (~masks[:, None]).to(images.dtype)
    filled = images.where(given.bool(), 0)
    height, width = images.shape[-2:]
    if height == 1 and width == 1:
        return filled
    step = (min(2, height), min(2, width))
    weights = functional.avg_pool2d(given, step, ceil_mode=True)
    means = functional.avg_pool2d(filled, step, ceil_mode=True) / weights.clamp(min=1e-12)
    coarse = smooth_over(means, weights[:, 0] == 0)
    return filled.where(given.bool(), functional.interpolate(coarse, size=(height, width), mode="bilinear"))
