# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frames that a codec gets a few at a time, so that its memory grows neither with a video nor with how many there are.

Videos are no unit here: who asks for this has a codec that codes every frame alone, with a `temporal_factor` of 1.

Letters: N frames of all videos together, n those of one call of the codec.
"""

from collections.abc import Callable

import torch

from nuwa_hf.modeling.codec.protocol import Codec


PIXELS_AT_ONCE = 10 * 336 * 336  # the paper's video


def frames_at_once(num_frames: int, height: int, width: int) -> int:
    """How many of some frames a codec gets in one call.

    Args:
        num_frames (`int`): N.
        height (`int`): pixel rows of a frame.
        width (`int`): pixel columns.

    Returns:
        `int`: n, as many as have the pixels of ten frames of 336 x 336, but at least 1 and at most N.
    """
    return min(num_frames, max(1, PIXELS_AT_ONCE // (height * width)))


def decoding_memory(codec: Codec, num_frames: int, height: int, width: int) -> int:
    """The memory that decoding frames takes, a few at a time, beside the codec's weights.

    Args:
        codec (`Codec`): the codec.
        num_frames (`int`): N.
        height (`int`): pixel rows of a frame.
        width (`int`): pixel columns.

    Returns:
        `int`: bytes.
    """
    return codec.decoding_memory(frames_at_once(num_frames, height, width), height, width)


def few_at_once(work: Callable[..., torch.Tensor], *frames: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Encode or decode frames, a few at a time.

    Args:
        work (`Callable`): `work(*pieces)` takes pieces of shape `(n, ...)`, calls the codec and gives `(n, ...)`.
        frames (`torch.Tensor` of shape `(N, ...)`): pixels or tokens of the frames, and what else belongs to them.
        height (`int`): pixel rows of a frame.
        width (`int`): pixel columns.

    Returns:
        `torch.Tensor` of shape `(N, ...)`.
    """
    pieces = (tensor.split(frames_at_once(len(tensor), height, width)) for tensor in frames)
    made, start = None, 0
    for piece in zip(*pieces, strict=True):
        part = work(*piece)
        if len(part) == len(frames[0]):
            return part
        made = part.new_empty(len(frames[0]), *part.shape[1:]) if made is None else made
        made[start : start + len(part)] = part  # not a list to concatenate, which would hold everything twice
        start += len(part)
    return made


def reconstruct(codec: Codec, frames: torch.Tensor) -> torch.Tensor:
    """Encode frames and decode them again, a few at a time.

    Args:
        codec (`Codec`): the codec.
        frames (`torch.Tensor` of shape `(N, C, Y, X)`): pixels, as `Codec.encode` takes them.

    Returns:
        `torch.Tensor` of shape `(N, C, Y, X)`: as `Codec.decode` gives them.
    """

    def code(images: torch.Tensor) -> torch.Tensor:
        return codec.decode(codec.encode(images).tokens).sample

    height, width = frames.shape[-2:]
    return few_at_once(code, frames, height=height, width=width)
