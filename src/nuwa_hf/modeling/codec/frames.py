# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Videos as batches of their frames and back, and the shapes that codecs of single frames take.

Nothing here reads values, so that what calls it compiles.

Shapes: B batch, C channels, T frames, Y and X pixel rows and columns, t, h, w token grid.
"""

import torch
from einops import rearrange

from nuwa_hf.grid import Grid


def fold_frames(pixels: torch.Tensor) -> torch.Tensor:
    """A video's frames as a batch of images.

    Args:
        pixels (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): any range.

    Returns:
        `torch.Tensor` of shape `(B, C, Y, X)` or `(B T, C, Y, X)`.
    """
    return rearrange(pixels, "b c t y x -> (b t) c y x") if pixels.ndim == 5 else pixels


def unfold_frames(frames: torch.Tensor, num_frames: int | None) -> torch.Tensor:
    """The way back, for what has the frames before all other axes.

    Args:
        frames (`torch.Tensor` of shape `(B t, ...)`): tokens or latents of frames.
        num_frames (`int`, *optional*): t; None for images, which stay.

    Returns:
        `torch.Tensor` of shape `(B, t, ...)`, or `(B, ...)`.
    """
    return frames if num_frames is None else frames.unflatten(0, (-1, num_frames))


def unfold_pixels(images: torch.Tensor, num_frames: int | None) -> torch.Tensor:
    """The way back for pixels, whose frames stand after the channels.

    Args:
        images (`torch.Tensor` of shape `(B T, C, Y, X)`): frames.
        num_frames (`int`, *optional*): T; None for images, which stay.

    Returns:
        `torch.Tensor` of shape `(B, C, T, Y, X)`, or `(B, C, Y, X)`.
    """
    return images if num_frames is None else rearrange(images, "(b t) c y x -> b c t y x", t=num_frames)


def grid_of_frames(factor: int, num_frames: int, height: int, width: int) -> Grid:
    """The token grid of a codec that codes every frame alone.

    Args:
        factor (`int`): pixel rows and columns of a token.
        num_frames (`int`): frames.
        height (`int`): pixel rows.
        width (`int`): pixel columns.

    Returns:
        `Grid`.

    Raises:
        ValueError: If rows or columns are no positive multiple of the factor.
    """
    check_multiple("height", height, factor)
    check_multiple("width", width, factor)
    return Grid(num_frames, height // factor, width // factor)


def check_pixels(pixels: torch.Tensor, in_channels: int, factor: int) -> None:
    """Require pixels of a kind and a shape that can be coded; their values are not read.

    Args:
        pixels (`torch.Tensor` of shape `(B, C, Y, X)` or `(B, C, T, Y, X)`): what is to be coded.
        in_channels (`int`): C.
        factor (`int`): pixel rows and columns of a token.

    Raises:
        TypeError: If they are not floats.
        ValueError: If the rank, the channels or the size do not fit.
    """
    if not isinstance(pixels, torch.Tensor):
        raise TypeError(f"`pixels` must be a tensor, got {type(pixels).__name__}; use `torch.from_numpy`.")
    if not pixels.is_floating_point():
        raise TypeError(
            f"`pixels` must be floats in [-1, 1], got {pixels.dtype}; for 0..255 divide by 127.5 and subtract 1."
        )
    if pixels.ndim not in (4, 5):
        raise ValueError(
            "`pixels` must have the shape (B, C, Y, X) for images or (B, C, T, Y, X) for videos, "
            f"got {tuple(pixels.shape)}{'; use `pixels[None]` for one image' if pixels.ndim == 3 else ''}."
        )
    if pixels.shape[1] != in_channels:
        places = [place for place in (pixels.ndim - 1, 2, 0) if pixels.shape[place] == in_channels]
        found = f"; they look like axis {places[0]}, use `pixels.movedim({places[0]}, 1)`" if places else ""
        if places == [0] and pixels.ndim == 4:  # (C, T, Y, X)
            found = "; this looks like one video (C, T, Y, X), use `pixels[None]`"
        raise ValueError(
            f"`pixels` must have {in_channels} channels on axis 1, as (B, C, {'T, ' * (pixels.ndim == 5)}Y, X), got "
            f"{pixels.shape[1]} (shape {tuple(pixels.shape)}){found}."
        )
    check_multiple("height", pixels.shape[-2], factor)
    check_multiple("width", pixels.shape[-1], factor)


def check_token_grid(tokens: torch.Tensor) -> None:
    """Require tokens of a kind and a shape that can be decoded; their values are not read.

    Args:
        tokens (`torch.LongTensor` of shape `(B, h, w)` or `(B, t, h, w)`): what is to be decoded.

    Raises:
        TypeError: If they are not whole numbers.
        ValueError: If the rank does not fit, or there are none.
    """
    if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
        raise TypeError(f"`tokens` must be whole numbers (torch.long), got {tokens.dtype}; use `encode(...).tokens`.")
    if tokens.ndim not in (3, 4):
        raise ValueError(
            f"`tokens` must have the shape (B, h, w) for images or (B, t, h, w) for videos, got {tuple(tokens.shape)}."
        )
    if tokens.numel() == 0:
        raise ValueError(f"`tokens` must not be empty, got the shape {tuple(tokens.shape)}.")


def check_multiple(name: str, value: int, factor: int) -> None:
    """Require a positive multiple of a codec's factor.

    Args:
        name (`str`): the argument's name, for the message.
        value (`int`): an extent in pixels.
        factor (`int`): pixels of a token.

    Raises:
        ValueError: If it is none.
    """
    if value < factor or value % factor:
        below = value // factor * factor
        sizes = f"{below} or {below + factor}" if below else f"{factor}"
        raise ValueError(
            f"`{name}` must be a positive multiple of {factor} (the side of a token in pixels), got {value}; use "
            f"{sizes}."
        )
