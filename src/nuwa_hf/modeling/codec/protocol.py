# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The protocol of a codec: all that pipelines, data preparation and evaluation know of one.

Shapes: B batch, C channels, T frames, Y and X pixel rows and columns, t, h, w token grid.
"""

from functools import singledispatch
from typing import Any, Protocol

import torch

from nuwa_hf.grid import Grid


class EncoderOutput(Protocol):
    """What `Codec.encode` returns; it may have more.

    Attributes:
        tokens (`torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`): in `[0, codebook_size)`.
    """

    tokens: torch.LongTensor


class DecoderOutput(Protocol):
    """What `Codec.decode` returns; it may have more.

    Attributes:
        sample (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): pixels, about [-1, 1], not clamped; of
            class maps the logits.
    """

    sample: torch.Tensor


class Codec(Protocol):
    """Pixels to tokens and back, for images and videos.

    Neither method reads the values that it is given, so that both compile to one graph: pixels are finite and tokens
    lie in the codebook because those who call have checked it.

    Attributes:
        codebook_size (`int`): number of tokens that there are.
        in_channels (`int`): channels that `encode` takes, C: 3 for RGB, the number of classes for class maps.
        out_channels (`int`): channels that `decode` gives; what is used in a pipeline gives as many as it takes.
        sample_size (`int`): rows and columns of the images that it was made for.
        spatial_factor (`int`): pixel rows (and columns) that one token row (and column) stands for.
        temporal_factor (`int`): frames that one token frame stands for. The transformer is conditioned on frames and
            given them back one by one, so pipelines and data preparation take codecs with 1 and refuse others.
        device (`torch.device`): where its weights are, and its inputs should be.
    """

    codebook_size: int
    in_channels: int
    out_channels: int
    sample_size: int
    spatial_factor: int
    temporal_factor: int
    device: torch.device

    def grid(self, num_frames: int, height: int, width: int) -> Grid:
        """The tokens of a video, or, with one frame, of an image.

        Args:
            num_frames (`int`): frames.
            height (`int`): pixel rows.
            width (`int`): pixel columns.

        Returns:
            `Grid`: extents of the tokens.

        Raises:
            ValueError: If an extent is no multiple of the factor.
        """

    def encode(self, pixels: torch.Tensor) -> EncoderOutput:
        """Turns pixels into tokens.

        Args:
            pixels (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): float in [-1, 1], or one-hot.

        Returns:
            `EncoderOutput`: `tokens` of shape `(B, h, w)` or `(B, t, h, w)`.
        """

    def decode(self, tokens: torch.LongTensor) -> DecoderOutput:
        """Turns tokens into pixels.

        Args:
            tokens (`torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`): in `[0, codebook_size)`.

        Returns:
            `DecoderOutput`: `sample` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`.
        """

    def decoding_memory(self, num_frames: int, height: int, width: int) -> int:
        """Memory that `decode` takes beside the weights.

        Args:
            num_frames (`int`): frames that are decoded in one call, all videos together.
            height (`int`): pixel rows.
            width (`int`): pixel columns.

        Returns:
            `int`: bytes; 0 where it is not known.
        """


MEMBERS = (*Codec.__annotations__, "grid", "encode", "decode", "decoding_memory")


@singledispatch
def as_codec(model: Any) -> Codec:
    """What speaks the protocol for a model: the model itself, or an adapter that was registered for its class.

    An adapter for the codec of another library is registered with `as_codec.register`. The model stays the component
    that a pipeline saves, loads and moves.

    Args:
        model: a codec, or a model of a class that has an adapter.

    Returns:
        `Codec`.

    Raises:
        TypeError: If the model has no adapter and lacks a part of the protocol.

    Example:
        >>> from diffusers import VQModel
        >>> from nuwa_hf.modeling.codec import as_codec

        >>> as_codec(VQModel(num_vq_embeddings=64, norm_num_groups=8)).codebook_size
        64
    """
    # Not `hasattr`: of a model of diffusers it would find, and warn of, entries of the configuration.
    missing = sorted({*MEMBERS} - {*dir(model)})
    if missing:
        raise TypeError(
            f"a codec must have {', '.join(f'`{name}`' for name in missing)}, which {type(model).__name__} has not; "
            "give it these, or register an adapter for its class with `nuwa_hf.as_codec.register`."
        )
    return model


def check_tokens_in_codebook(name: str, tokens: torch.Tensor, codebook_size: int) -> None:
    """Require tokens that a codec can decode; reads their values.

    Args:
        name (`str`): the argument's name, for the message.
        tokens (`torch.LongTensor` of any shape): what is to be decoded.
        codebook_size (`int`): the codec's number of tokens.

    Raises:
        ValueError: If there is none, or one is not in the codebook.
    """
    if tokens.numel() == 0:
        raise ValueError(f"`{name}` must not be empty, got the shape {tuple(tokens.shape)}.")
    lowest, highest = tokens.aminmax()
    if lowest < 0 or highest >= codebook_size:
        raise ValueError(
            f"`{name}` must lie in [0, {codebook_size}) (the codebook), got {int(lowest)} to {int(highest)}; the "
            "model that wrote them belongs to another codebook."
        )
