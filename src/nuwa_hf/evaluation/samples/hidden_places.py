# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which part of a picture a task hides.

Shapes: B samples, h, w token rows and columns, Y, X pixel rows and columns.
"""

import torch
from torch import Tensor


DRAWN_KINDS = ("five-percent-kept", "five-percent-hidden")  # another part of each image
KINDS = ("half", "centre", *DRAWN_KINDS)


def hidden_places(kind: str, num_images: int, height: int, width: int, seed: int) -> Tensor:
    """The places of the token grid that are hidden.

    Args:
        kind (`str`): `"half"`, the upper half; `"centre"`, the middle half of the rows and columns;
            `"five-percent-kept"`, all but one place in twenty; `"five-percent-hidden"`, one place in twenty. The last
            two are drawn for each image.
        num_images (`int`): B.
        height (`int`): h.
        width (`int`): w.
        seed (`int`): of the first image; each further one adds 1.

    Returns:
        `torch.BoolTensor` of shape `(B, h, w)`: True where hidden.

    Raises:
        ValueError: If there is no such kind.
    """
    hidden = torch.zeros(num_images, height, width, dtype=torch.bool)
    if kind == "half":
        hidden[:, : height // 2] = True
    elif kind == "centre":
        hidden[:, height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    elif kind in DRAWN_KINDS:
        count = max(1, round(0.05 * height * width))
        for place in range(num_images):
            generator = torch.Generator().manual_seed(seed + place)
            hidden[place].view(-1)[torch.randperm(height * width, generator=generator)[:count]] = True
        hidden = ~hidden if kind == "five-percent-kept" else hidden
    else:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, got {kind!r}; use one of them.")
    return hidden


def places_around(object_masks: Tensor, factor: int, margin: int = 1) -> Tensor:
    """The box around a thing, grown to whole places of the token grid and by a margin.

    Args:
        object_masks (`torch.BoolTensor` of shape `(B, Y, X)`): True where the thing is, at least at one pixel.
        factor (`int`): pixels of a place's side.
        margin (`int`, defaults to 1): places on every side, as far as the grid reaches.

    Returns:
        `torch.BoolTensor` of shape `(B, h, w)`: True in the box.
    """
    batch, height, width = object_masks.shape
    places = torch.zeros(batch, height // factor, width // factor, dtype=torch.bool)
    for mask, box in zip(object_masks, places, strict=True):
        rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
        top, left = (max(0, int(part.min()) // factor - margin) for part in (rows, columns))
        bottom, right = (int(part.max()) // factor + margin + 1 for part in (rows, columns))
        box[top:bottom, left:right] = True
    return places


def to_pixels(places: Tensor, factor: int) -> Tensor:
    """Every pixel of the places.

    Args:
        places (`torch.BoolTensor` of shape `(B, h, w)`): True at some places.
        factor (`int`): pixels of a place's side.

    Returns:
        `torch.BoolTensor` of shape `(B, Y, X)`.
    """
    return places.repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2)
