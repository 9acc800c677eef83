# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What stands for masks, as pixels to fill and places of the token grid to keep.

Letters: B batch, T frames, Y, X pixel rows, columns, H, W token rows, columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch.nn import functional

from nuwa_hf.media.colors import is_transparent, to_eight_bits
from nuwa_hf.media.errors import BrokenMediaError, naming
from nuwa_hf.media.sources import describe, is_source, open_media
from nuwa_hf.pipelines.axes import without_channel
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.image_input import KINDS, check_levels, load_image, to_array
from nuwa_hf.pipelines.video_input import check_one_size, take_given


def prepare_masks(
    mask: Any,
    *,
    sizes: Sequence[tuple[int, int]],
    height: int,
    width: int,
    num_frames: int | None = None,
    sampler: ClipSampler | None = None,
    name: str = "mask",
) -> torch.Tensor:
    """Read one mask or many, and bring them to the model's size.

    White, True or 1 is to be filled, black to be kept; grey counts as white from half on. When a mask is resized, a
    pixel that covers any part of one to be filled is to be filled.

    Args:
        mask (`PIL.Image.Image`, `str`, `os.PathLike`, `np.ndarray`, `torch.Tensor` or `list`): a mask for the whole
            batch, as a picture, a path or a URL, or as an array or tensor of shape `(Y, X)` of bools, of integers that
            are 0 and 1 or 0 to 255, or of floats in [0, 1]. For videos it applies to every frame, or has a frame for
            each: shape `(T, Y, X)`, an animated file, or a list in a list. A list, or an array or tensor with one
            more axis, has a mask for each of the batch. Pictures may have an axis of one channel, as `(Y, X, 1)`.
        sizes (`Sequence[tuple[int, int]]`): height and width of each image or clip of the batch as the user gave it; a
            mask has this size, or the model's.
        height (`int`): rows of the model's images.
        width (`int`): columns of the model's images.
        num_frames (`int`, *optional*): frames of each clip; None for images.
        sampler (`ClipSampler`, *optional*): takes the frames of masks that have several, as those of the clips were
            taken; given with `num_frames`.
        name (`str`, *optional*, defaults to `"mask"`): the argument's name, for the messages.

    Returns:
        `torch.BoolTensor` of shape `(B, Y, X)`, or `(B, T, Y, X)` with `num_frames`: True where to fill.

    Raises:
        OSError: If a file does not exist or a URL cannot be reached.
        TypeError: If something is no mask.
        ValueError: If a mask is damaged, of another size, shape or number of frames than the image or clip, has
            numbers out of range, or leaves nothing to fill or nothing to keep.
    """
    batch_ndim = 3 if num_frames is None else 4
    if isinstance(mask, np.ndarray | torch.Tensor):
        mask = _without_channel(mask, len(sizes), batch_ndim, name)
    if num_frames is None and isinstance(mask, list | tuple) and mask and all(map(_is_batch, mask)):
        mask = [one for batch in mask for one in batch]  # as diffusers takes a list of batches
    masks, names = [mask], [name]
    if isinstance(mask, list | tuple) or (isinstance(mask, np.ndarray | torch.Tensor) and mask.ndim == batch_ndim):
        masks, names = mask, [f"{name}[{place}]" for place in range(len(mask))]
    kind = "images" if num_frames is None else "clips"
    if len(masks) not in (1, len(sizes)):
        per_frame = "one mask per frame as an array of shape (T, Y, X), or as [[...]]"
        remedy = "as many" if num_frames is None else per_frame
        raise ValueError(
            f"`{name}` must be one mask, or one for each of {len(sizes)} {kind}, got {len(masks)}; give {remedy}."
        )
    read = [_read_mask(one, num_frames, sampler, one_name) for one, one_name in zip(masks, names, strict=True)]
    if len(read) < len(sizes):
        read, names = read * len(sizes), names * len(sizes)
    fitted = []
    for mask_TYX, size, one_name in zip(read, sizes, names, strict=True):
        found = tuple(mask_TYX.shape[1:])
        if found not in (tuple(size), (height, width)):
            raise ValueError(
                f"`{one_name}` must have the size of what it masks, {size[0]}x{size[1]}, or the model's,"
                f" {height}x{width} (height x width), got {found[0]}x{found[1]}; resize or redraw it."
            )
        fitted.append(_fit(mask_TYX, height, width, one_name))
    if num_frames is None:
        return torch.cat(fitted)
    return torch.stack([mask_TYX.expand(num_frames, -1, -1) for mask_TYX in fitted])


def known_places(masks: torch.Tensor, factor: int) -> torch.Tensor:
    """The places of the token grid whose pixels are all kept.

    Args:
        masks (`torch.BoolTensor` of shape `(B, Y, X)` or `(B, T, Y, X)`): True where to fill.
        factor (`int`): pixels of a token's side; divides Y and X.

    Returns:
        `torch.BoolTensor` of shape `(B, T, H, W)`: True where no pixel is to be filled; T is 1 for images.

    Raises:
        ValueError: If `factor` does not divide the size.
    """
    masks_BTYX = masks if masks.ndim == 4 else masks[:, None]
    if masks.shape[-2] % factor or masks.shape[-1] % factor:
        raise ValueError(
            f"`masks` must have sides that are multiples of {factor}, the codec's downsampling, got"
            f" {masks.shape[-2]}x{masks.shape[-1]}."
        )
    return functional.max_pool2d(masks_BTYX.float(), factor) == 0


def check_places(known: torch.Tensor, *, may_know_nothing: bool = False, name: str = "mask") -> None:
    """Require places to fill and, unless said otherwise, places that are known.

    Args:
        known (`torch.BoolTensor` of shape `(B, T, H, W)`): True where tokens are known.
        may_know_nothing (`bool`, *optional*, defaults to `False`): whether a batch item may have no known place.
        name (`str`, *optional*, defaults to `"mask"`): the argument's name, for the message.

    Raises:
        ValueError: If a batch item has no place to fill, or no known one.
    """
    for place, item in enumerate(known):
        where = f"item {place} of the batch"
        if item.all():
            raise ValueError(
                f"`{name}` must leave something to fill, got all of the {item.numel()} places of the token grid known"
                f" in {where}; mark pixels white."
            )
        if not item.any() and not may_know_nothing:
            raise ValueError(
                f"`{name}` must leave something to keep, got none of the {item.numel()} places of the token grid known"
                f" in {where}: a place is known only if no pixel of it is to be filled; leave a larger block black."
            )


def composite(generated: torch.Tensor, original: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The generated pixels where the mask says to fill, and the original ones, bit for bit, elsewhere.

    Args:
        generated (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        original (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        masks (`torch.BoolTensor` of shape `(B, T, Y, X)`): True where to fill.

    Returns:
        `torch.Tensor` of shape `(B, T, 3, Y, X)`: on the device of `generated`.
    """
    device = generated.device
    return torch.where(masks.to(device)[:, :, None], generated, original.to(device))


def _is_batch(mask: Any) -> bool:
    """Whether something is many pictures with an axis of one channel."""
    return isinstance(mask, np.ndarray | torch.Tensor) and mask.ndim == 4 and 1 in (mask.shape[1], mask.shape[-1])


def _read_mask(mask: Any, num_frames: int | None, sampler: ClipSampler | None, name: str) -> torch.Tensor:
    """One mask as bools `(T, Y, X)`, with T of 1 or `num_frames`."""
    if isinstance(mask, np.ndarray | torch.Tensor):
        if mask.ndim > 2 and 0 not in mask.shape:
            mask = without_channel(mask, name)
        if mask.ndim == 3 and num_frames is None:
            mask = without_channel(mask, name, place=0)
        given = list(_is_white(mask, num_frames, name))
        frames, num_given = _sampled(given, sampler, name), len(given)
    elif isinstance(mask, PIL.Image.Image) or is_source(mask):
        if num_frames is None:
            with naming(name, describe(mask)):
                frames, num_given = [_is_light(load_image(mask, name))], 1
        else:
            with naming(name, describe(mask)), open_media(mask) as media:
                num_given = media.count_frames()
                frames = sampler.take_media(media, _is_light, name)[: 1 if num_given == 1 else None]
    elif isinstance(mask, list | tuple) and num_frames is not None:
        parts = [_read_mask(one, None, None, f"{name}[{place}]") for place, one in enumerate(mask)]
        if not parts:
            raise ValueError(f"`{name}` must hold at least one frame, got none; give one.")
        given = [frame for part_1YX in parts for frame in part_1YX]
        frames, num_given = _sampled(given, sampler, name), len(given)
    else:
        raise TypeError(f"`{name}` must be {KINDS}, got {type(mask).__name__}; convert it.")
    frames_TYX = _stack(frames, name)
    if num_given > 1 and len(frames) != num_frames:
        rate = "" if len(frames) == num_given else f", which make {len(frames)} at the checkpoint's frame rate"
        raise ValueError(
            f"`{name}` must have 1 frame, for all, or {num_frames}, the clip's, got {num_given}{rate}; make one for "
            "each."
        )
    return frames_TYX


def _sampled(given: list[torch.Tensor], sampler: ClipSampler | None, name: str) -> list[torch.Tensor]:
    """The frames of a clip of masks; one alone is for all, whatever the rate."""
    return take_given(given, sampler, name) if len(given) > 1 else given


def _without_channel(mask: np.ndarray | torch.Tensor, batch_size: int, batch_ndim: int, name: str):
    """An array or tensor of masks without its axis of one channel, which may stand first or last in a picture."""
    if mask.ndim > 2 and 0 not in mask.shape:
        mask = without_channel(mask, name)
    # Several pictures of one channel first, where they cannot be clips of one frame each.
    is_one_clip = mask.ndim == batch_ndim == 4 and batch_size == 1 < len(mask)
    if mask.ndim > batch_ndim or is_one_clip:
        mask = without_channel(mask, name, place=-3)
    return mask


def _is_light(picture: PIL.Image.Image) -> torch.Tensor:
    picture = to_eight_bits(picture)
    if is_transparent(picture):
        raise BrokenMediaError(
            "is transparent: that may mean to fill or to keep",
            rule="opaque",
            remedy='give an image without alpha, or its alpha alone with `getchannel("A")`',
        )
    return torch.from_numpy(np.array(picture.convert("L")) >= 128)


def _is_white(mask: np.ndarray | torch.Tensor, num_frames: int | None, name: str) -> torch.Tensor:
    shape = tuple(mask.shape)
    if mask.ndim not in ((2,) if num_frames is None else (2, 3)):
        expected = "(Y, X)" if num_frames is None else "(Y, X) or (T, Y, X)"
        raise ValueError(f"`{name}` must have shape {expected}, got {shape}; it has no channels.")
    if 0 in shape:
        raise ValueError(f"`{name}` must have at least one pixel, got shape {shape}; leave it out.")
    array = to_array(mask, name)
    if np.issubdtype(array.dtype, np.floating):
        check_levels(array, name)
        is_white = array >= 0.5
    elif np.issubdtype(array.dtype, np.integer):
        if array.min() < 0 or array.max() > 255:
            raise ValueError(
                f"`{name}` must have integers from 0 to 255, got {array.min()} to {array.max()}; rescale it."
            )
        is_white = array >= (128 if array.max() > 1 else 1)
    elif array.dtype == np.bool_:
        is_white = np.array(array)
    else:
        raise TypeError(f"`{name}` must have bools, integers or floats, got {array.dtype}; convert them.")
    return torch.from_numpy(np.ascontiguousarray(is_white.reshape(-1, *shape[-2:])))


def _stack(frames: list[torch.Tensor], name: str) -> torch.Tensor:
    check_one_size({tuple(frame.shape) for frame in frames}, name)
    return torch.stack(frames)


def _fit(mask_TYX: torch.Tensor, height: int, width: int, name: str) -> torch.Tensor:
    if not mask_TYX.any():
        raise ValueError(f"`{name}` must have something to fill, got only black; mark white what to fill.")
    # Every cell of this pooling covers all pixels that it overlaps, whether the mask grows or shrinks.
    fitted = functional.adaptive_max_pool2d(mask_TYX.float(), (height, width)) > 0
    if fitted.all():
        raise ValueError(
            f"`{name}` must leave something to keep, got only white at the model's size {height}x{width}; to make"
            " everything anew use text to image or text to video."
        )
    return fitted
