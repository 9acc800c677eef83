# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Class maps, such as sketches, as the pixels of a codec with one channel for each class, and back.

Shapes: B batch, C classes, T frames, Y and X pixel rows and columns.
"""

import torch


def class_maps_to_pixels(class_maps: torch.Tensor, num_classes: int) -> torch.Tensor:
    """One-hot pixels of class maps: channel c is 1 where the class is c and 0 elsewhere.

    Args:
        class_maps (`torch.Tensor` of shape `(B, Y, X)` or `(B, T, Y, X)`): whole numbers in `[0, C)`; the values are
            not read, and another class makes a pixel of zeros.
        num_classes (`int`): number of classes, C.

    Returns:
        `torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`, float32.

    Raises:
        TypeError: If the class maps are not whole numbers.
        ValueError: If the rank does not fit, or there are none.

    Example:
        >>> import torch
        >>> from nuwa_hf.modeling.class_maps import class_maps_to_pixels

        >>> class_maps_to_pixels(torch.tensor([[[0, 2]]]), num_classes=3)[0, :, 0].tolist()
        [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    """
    if class_maps.is_floating_point() or class_maps.is_complex() or class_maps.dtype == torch.bool:
        raise TypeError(
            f"`class_maps` must be whole numbers (torch.long), got {class_maps.dtype}; one number names the class of "
            "a pixel."
        )
    if class_maps.ndim not in (3, 4):
        raise ValueError(
            "`class_maps` must have the shape (B, Y, X) for images or (B, T, Y, X) for videos, "
            f"got {tuple(class_maps.shape)}; `class_maps[None]` makes a batch of one."
        )
    if class_maps.numel() == 0:
        raise ValueError(f"`class_maps` must not be empty, got the shape {tuple(class_maps.shape)}.")
    classes = torch.arange(num_classes, device=class_maps.device)
    return (class_maps.long().unsqueeze(1) == classes.view(-1, *[1] * (class_maps.ndim - 1))).to(torch.float32)


def pixels_to_class_maps(sample: torch.Tensor) -> torch.LongTensor:
    """The likeliest class of every pixel: the channel with the largest value.

    Args:
        sample (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): logits, such as the sketch codec's
            decoder gives, or one-hot pixels.

    Returns:
        `torch.LongTensor` of shape `(B, Y, X)` or `(B, T, Y, X)`: classes in `[0, C)`.

    Raises:
        TypeError: If the sample is not floats.
        ValueError: If the rank does not fit.
    """
    if not sample.is_floating_point():
        raise TypeError(
            f"`sample` must be floats with one channel for each class, got {sample.dtype}; class maps themselves need "
            "no conversion."
        )
    if sample.ndim not in (4, 5):
        raise ValueError(
            "`sample` must have the shape (B, C, Y, X) for images or (B, C, T, Y, X) for videos, "
            f"got {tuple(sample.shape)}."
        )
    return sample.argmax(dim=1)
