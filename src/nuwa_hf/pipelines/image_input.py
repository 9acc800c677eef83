# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What stands for images, as pixels of the model's size. Letters: B batch, C channels, Y, X pixel rows, columns."""

import logging
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch.nn import functional

from nuwa_hf.media.colors import is_transparent, to_rgb
from nuwa_hf.media.errors import naming
from nuwa_hf.media.resizing import resize_picture
from nuwa_hf.media.sources import describe, is_source, open_media
from nuwa_hf.pipelines.axes import check_channel_axis


logger = logging.getLogger(__name__)

KINDS = "a PIL image, a path, a URL, a numpy array or a torch tensor"


@dataclass(frozen=True)
class PreparedImages:
    """Images at the model's size.

    Args:
        pixels (`torch.Tensor` of shape `(B, 3, Y, X)`): float32 in [0, 1], on the CPU.
        sizes (`list[tuple[int, int]]`): height and width of each image before it was resized.
    """

    pixels: torch.Tensor
    sizes: list[tuple[int, int]]


def prepare_images(image: Any, *, height: int, width: int, name: str = "image") -> PreparedImages:
    """Read one image or many, and bring them to the model's size.

    Pixels that need no resizing are kept: 8-bit ones divided by 255, those of 16 bits rounded to 8 before, floats in
    arrays as they are.

    Args:
        image (`PIL.Image.Image`, `str`, `os.PathLike`, `np.ndarray`, `torch.Tensor` or `list`): a picture, the right
            way up as its EXIF data say; its path or URL, of an animated file the first frame; an array of shape
            `(Y, X)`, `(Y, X, C)` or, for many, `(B, Y, X, C)`; a tensor of shape `(C, Y, X)` or `(B, C, Y, X)`; or a
            list of single images of any kind, or of such arrays or tensors of many. C is 1 for grey, 3 for RGB, 4 for
            RGB with alpha, which is put on white. Numbers are uint8, or floats in [0, 1].
        height (`int`): rows of the model's images.
        width (`int`): columns of the model's images.
        name (`str`, *optional*, defaults to `"image"`): the argument's name, for the messages.

    Returns:
        [`PreparedImages`]: the pixels, and the sizes they had.

    Raises:
        OSError: If a file does not exist or a URL cannot be reached.
        TypeError: If something is no image.
        ValueError: If an image is damaged, cut off, empty, of another shape, or has numbers out of range.
    """
    images: Sequence[Any] = [image]
    names = [name]
    if isinstance(image, list | tuple) and image and all(map(_is_batch, image)):
        image = [one for batch in image for one in batch]  # as diffusers takes a list of batches
    is_batch = _is_batch(image)
    if is_batch and 0 not in image.shape:
        check_channel_axis(image, "B", name)
    if is_batch or isinstance(image, list | tuple):
        images, names = image, [f"{name}[{place}]" for place in range(len(image))]
    if len(images) == 0:
        raise ValueError(f"`{name}` must hold at least one image, got none; give one.")
    reader = ImageReader(height, width)
    pictures = [reader.read(one, one_name) for one, one_name in zip(images, names, strict=True)]
    reader.warn(name)
    return PreparedImages(torch.stack([pixels for pixels, _ in pictures]), [size for _, size in pictures])


def load_image(image: PIL.Image.Image | str | os.PathLike, name: str) -> PIL.Image.Image:
    """One picture, all of its pixels read, the right way up. Of an animated file the first frame.

    Args:
        image (`PIL.Image.Image`, `str` or `os.PathLike`): a picture, a path or a URL.
        name (`str`): the argument's name, for the message.

    Returns:
        `PIL.Image.Image`: a new picture of the same mode.

    Raises:
        OSError: If there is no such file, or the URL cannot be reached.
        ValueError: If it is no picture, damaged, cut off, or of no or far too many pixels.
    """
    with naming(name, describe(image)), open_media(image) as media:
        return media.still()


class ImageReader:
    """Reads single images at one size, and remembers what it had to change, to warn once for all of them.

    Args:
        height (`int`): rows of every image that is read.
        width (`int`): columns of every image that is read.
    """

    def __init__(self, height: int, width: int):
        self.size = (height, width)
        self._resized: set[tuple[int, int]] = set()
        self._has_composited = False

    def read(self, image: Any, name: str) -> tuple[torch.Tensor, tuple[int, int]]:
        """Read one image.

        Args:
            image (`PIL.Image.Image`, `str`, `os.PathLike`, `np.ndarray` or `torch.Tensor`): the image.
            name (`str`): what to call it in messages.

        Returns:
            `tuple[torch.Tensor, tuple[int, int]]`: pixels of shape `(3, Y, X)`, float32 in [0, 1], and the height and
            width that the image had.

        Raises:
            OSError: If a file does not exist or a URL cannot be reached.
            TypeError: If it is no image.
            ValueError: If it is damaged, cut off, empty, of another shape, or has numbers out of range.
        """
        if isinstance(image, np.ndarray | torch.Tensor):
            levels_YXC = _array_levels(image, name)
        elif isinstance(image, PIL.Image.Image) or is_source(image):
            return self.read_picture(load_image(image, name), name)
        else:
            raise TypeError(f"`{name}` must be {KINDS}, got {type(image).__name__}; convert it.")
        if levels_YXC.dtype == np.uint8:
            # One way for all 8-bit pixels, so that a picture and its array are resized to the same.
            grey_or_color = levels_YXC[..., 0] if levels_YXC.shape[-1] == 1 else levels_YXC
            return self.read_picture(PIL.Image.fromarray(np.ascontiguousarray(grey_or_color)), name)
        return self._read_float(levels_YXC)

    def read_picture(self, picture: PIL.Image.Image, name: str) -> tuple[torch.Tensor, tuple[int, int]]:
        """Read a picture that is the right way up.

        Args:
            picture (`PIL.Image.Image`): of any mode.
            name (`str`): what to call it in messages.

        Returns:
            `tuple[torch.Tensor, tuple[int, int]]`: as `read`.

        Raises:
            ValueError: If its mode cannot be shown, or its levels are out of range.
        """
        with naming(name, describe(picture)):
            rgb = to_rgb(picture)
        self._has_composited |= is_transparent(picture)
        size = (rgb.height, rgb.width)
        if size != self.size:
            self._resized.add(size)
        pixels_YXC = torch.from_numpy(np.array(resize_picture(rgb, *self.size)))
        return pixels_YXC.permute(2, 0, 1).to(torch.float32).div(255), size

    def warn(self, name: str) -> None:
        """Log what was changed in all images so far, if anything was.

        Args:
            name (`str`): what to call all images together.
        """
        if self._has_composited:
            logger.warning("`%s` has transparent pixels; they were put on white.", name)
        warn_of_resizing(self._resized, self.size, name)

    def _read_float(self, levels_YXC: np.ndarray) -> tuple[torch.Tensor, tuple[int, int]]:
        pixels = torch.from_numpy(levels_YXC).permute(2, 0, 1)
        if len(pixels) == 4:
            pixels, alpha = pixels[:3], pixels[3:]
            if alpha.min() < 1:
                pixels = pixels * alpha + (1 - alpha)
                self._has_composited = True
        pixels = pixels.expand(3, -1, -1)
        size = (pixels.shape[1], pixels.shape[2])
        if size != self.size:
            self._resized.add(size)
            pixels = functional.interpolate(pixels[None], self.size, mode="bicubic", antialias=True)[0]
            pixels = pixels.clamp(0, 1)  # bicubic overshoots at edges
        return pixels.contiguous(), size


def warn_of_resizing(sizes: Collection[tuple[int, int]], model_size: tuple[int, int], name: str) -> None:
    """Log from which sizes to which something was resized, if it was.

    Args:
        sizes (`Collection[tuple[int, int]]`): the heights and widths that were not the model's.
        model_size (`tuple[int, int]`): the model's height and width.
        name (`str`): the argument's name.
    """
    if not sizes:
        return
    height, width = model_size
    is_stretched = any(rows * width != columns * height for rows, columns in sizes)
    logger.warning(
        "`%s` was resized from %s to %s (height x width), the model's size%s.",
        name,
        describe_sizes(sizes),
        describe_sizes([model_size]),
        "; this changes its aspect ratio, crop it first to avoid that" if is_stretched else "",
    )


def describe_sizes(sizes: Collection[tuple[int, int]]) -> str:
    """Sizes as a user reads them.

    Args:
        sizes (`Collection[tuple[int, int]]`): heights and widths.

    Returns:
        `str`: such as `"32x64, 64x64"`.
    """
    return ", ".join(f"{rows}x{columns}" for rows, columns in sorted(sizes))


def check_levels(levels: np.ndarray, name: str) -> None:
    """Require finite numbers in [0, 1].

    Args:
        levels (`np.ndarray`): floats of any shape, not empty.
        name (`str`): what to call them in messages.

    Raises:
        ValueError: If one is NaN, infinite or out of range.
    """
    if not np.isfinite(levels).all():
        count = int((~np.isfinite(levels)).sum())
        raise ValueError(f"`{name}` must have finite numbers, got {count} that are NaN or infinite; replace them.")
    low, high = float(levels.min()), float(levels.max())
    if low >= 0 and high <= 1:
        return
    if low >= -1 and high <= 1:
        remedy = "it looks like -1 to 1, use (x + 1) / 2"
    elif low >= 0:
        remedy = "it looks like 0 to 255, divide by 255 or give uint8"
    else:
        remedy = "rescale or clip it"
    raise ValueError(f"`{name}` must have floats in [0, 1], got {low:g} to {high:g}; {remedy}.")


def to_array(value: np.ndarray | torch.Tensor, name: str) -> np.ndarray:
    """An array with the same numbers.

    Args:
        value (`np.ndarray` or `torch.Tensor`): what the user gave, on any device.
        name (`str`): the argument's name, for the message.

    Returns:
        `np.ndarray`: of the same shape; bfloat16, which numpy does not have, becomes float32.

    Raises:
        TypeError: If it is a tensor that is sparse or quantised, or has no numbers.
    """
    if isinstance(value, np.ndarray):
        return value
    if value.is_meta or value.is_quantized or value.layout != torch.strided:
        raise TypeError(
            f"`{name}` must be a dense tensor with numbers of its own, got one of {value.dtype}, {value.layout}, on "
            f"{value.device}; make it dense, or load it."
        )
    value = value.detach().cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def _is_batch(image: Any) -> bool:
    return isinstance(image, np.ndarray | torch.Tensor) and image.ndim == 4


def _array_levels(image: np.ndarray | torch.Tensor, name: str) -> np.ndarray:
    """The numbers as `(Y, X, C)`, uint8 or float32, all checked."""
    is_tensor = isinstance(image, torch.Tensor)
    shape = tuple(image.shape)
    if image.ndim == 3 and 0 not in shape:
        check_channel_axis(image, "", name)
    if image.ndim not in ((3,) if is_tensor else (2, 3)):
        expected = "a tensor of shape (C, Y, X)" if is_tensor else "an array of shape (Y, X) or (Y, X, C)"
        raise ValueError(
            f"`{name}` must be {expected} with C of 1, 3 or 4, got {shape}"
            f"; {'a grey one has one channel, use `[None]`' if image.ndim == 2 else 'give one picture'}."
        )
    if 0 in shape:
        raise ValueError(f"`{name}` must have at least one pixel, got shape {shape}; leave it out.")
    array = to_array(image, name)
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"`{name}` must have uint8 or float numbers, got {image.dtype}; convert them.")
    levels_YXC = array.transpose(1, 2, 0) if is_tensor else array.reshape(*shape[:2], -1)
    if array.dtype == np.uint8:
        return levels_YXC
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is refused below
        levels_YXC = np.array(levels_YXC, dtype=np.float32, order="C")
    check_levels(levels_YXC, name)
    return levels_YXC
