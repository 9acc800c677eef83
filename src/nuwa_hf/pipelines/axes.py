# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The order of the axes of arrays and tensors: what it must be, and how to get it from another.

Letters: B batch, T frames, C channels, Y, X pixel rows, columns.
"""

from collections.abc import Sequence

import numpy as np
import torch


CHANNELS = (1, 3, 4)


def check_channel_axis(value: np.ndarray | torch.Tensor, leading: Sequence[str], name: str) -> None:
    """Require 1, 3 or 4 channels where they belong: in a tensor before the rows, in an array after the columns.

    Args:
        value (`np.ndarray` or `torch.Tensor`): pictures, with an axis for each of `leading` and C, Y, X.
        leading (`Sequence[str]`): the letters of the axes before the picture's, such as `("B", "T")`.
        name (`str`): what to call it in the message.

    Raises:
        ValueError: If there is another number of channels; it says how the axes are to be permuted.
    """
    is_tensor, first = isinstance(value, torch.Tensor), len(leading)
    place = first if is_tensor else value.ndim - 1
    if value.shape[place] in CHANNELS:
        return
    kind, picture = ("a tensor", ("C", "Y", "X")) if is_tensor else ("an array", ("Y", "X", "C"))
    others = [axis for axis in (value.ndim - 1, first, first - 1) if axis >= 0 and axis != place]
    found = next((axis for axis in others if value.shape[axis] in CHANNELS), None)
    remedy = ""
    if found is not None:
        order = [axis for axis in range(value.ndim) if axis != found]
        order.insert(place, found)
        method = "permute" if is_tensor else "transpose"
        remedy = f"; its axis {found} looks like the channels, use `.{method}{tuple(order)}`"
    raise ValueError(
        f"`{name}` must be {kind} of shape ({', '.join((*leading, *picture))}) with C of 1, 3 or 4, got "
        f"{tuple(value.shape)}{remedy}."
    )


def without_channel(value: np.ndarray | torch.Tensor, name: str, *, place: int = -1) -> np.ndarray | torch.Tensor:
    """Masks or class maps without their axis of one channel, if they have one.

    Args:
        value (`np.ndarray` or `torch.Tensor`): of at least three axes.
        name (`str`): what to call it in the message.
        place (`int`, *optional*, defaults to -1): the axis that the channel has.

    Returns:
        `np.ndarray` or `torch.Tensor`: the same without that axis; as it is if the axis has another length.

    Raises:
        ValueError: If the last axis has 3 or 4 colours.
    """
    if value.shape[place] == 1:
        return value.squeeze(place)
    if value.shape[-1] in (3, 4) and value.shape[-2] > 4:
        raise ValueError(
            f"`{name}` must have no colours, got {tuple(value.shape)}; take one channel, such as `[..., 0]`."
        )
    return value
