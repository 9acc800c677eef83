# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What stands for sketches, as class maps of the model's size, and class maps as coloured pictures.

Letters: B batch, T frames, Y, X pixel rows, columns.
"""

from typing import Any

import numpy as np
import PIL.Image
import torch

from nuwa_hf.media.class_indices import class_indices
from nuwa_hf.media.errors import naming
from nuwa_hf.media.resizing import resize_class_maps
from nuwa_hf.media.sources import describe, is_source
from nuwa_hf.pipelines.axes import without_channel
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.image_input import load_image, to_array, warn_of_resizing
from nuwa_hf.pipelines.video_input import (
    check_equal_frame_counts,
    check_one_size,
    group_clips,
    take_file,
    take_given,
)


KINDS = "a PIL image, a path, a URL, or an array or tensor of integers"


def prepare_sketches(
    sketch: Any,
    *,
    num_classes: int,
    height: int,
    width: int,
    picture_size: tuple[int, int] | None = None,
    sampler: ClipSampler | None = None,
    name: str = "sketch",
) -> torch.Tensor:
    """Read one sketch or many, and bring them to the model's size, those of videos also to its frame rate.

    A sketch is a class map: the value of each pixel is its class.

    Args:
        sketch (`PIL.Image.Image`, `str`, `os.PathLike`, `np.ndarray`, `torch.Tensor` or `list`): a picture of mode "P"
            or "L", whose values are the classes; the path or URL of one, such as a PNG; or integers of shape `(Y, X)`.
            For images, a list of these or integers of shape `(B, Y, X)` are a batch. For videos, a list of these,
            integers of shape `(T, Y, X)`, or an animated PNG are one clip, and a list of clips or integers of shape
            `(B, T, Y, X)` a batch.
        num_classes (`int`): classes that the model knows.
        height (`int`): rows of the model's sketches.
        width (`int`): columns of the model's sketches.
        picture_size (`tuple[int, int]`, *optional*): rows and columns of the pictures that the model draws. Where its
            sketches are smaller, those of this size fit too, and nobody is told that they are resized.
        sampler (`ClipSampler`, *optional*): takes the frames of sketches of videos; None for sketches of images.
        name (`str`, *optional*, defaults to `"sketch"`): the argument's name, for the messages.

    Returns:
        `torch.LongTensor` of shape `(B, T, Y, X)`: in [0, num_classes); T is 1 for images.

    Raises:
        OSError: If a file does not exist or a URL cannot be reached.
        TypeError: If something is no sketch, or its numbers are no integers.
        ValueError: If a sketch is damaged, empty, of another mode or shape, names a class that does not exist, or if
            clips differ in their number of frames, or their frames in size.
    """
    is_video = sampler is not None
    if isinstance(sketch, np.ndarray | torch.Tensor) and sketch.ndim > 2 and 0 not in sketch.shape:
        sketch = without_channel(sketch, name)
    is_batch = isinstance(sketch, np.ndarray | torch.Tensor) and sketch.ndim == (4 if is_video else 3)
    if is_batch or isinstance(sketch, list | tuple):
        if len(sketch) == 0:
            raise ValueError(f"`{name}` must hold at least one sketch, got none; give one.")
        items = [_read_item(one, f"{name}[{place}]", sampler) for place, one in enumerate(sketch)]
        clips = group_clips(items, name, sampler) if is_video else [maps for maps, _ in items]
    else:
        clips = [_read_item(sketch, name, sampler)[0]]
    check_equal_frame_counts(clips, name)
    for place, clip in enumerate(clips):
        clip_name = name if len(clips) == 1 else f"{name}[{place}]"
        check_one_size({tuple(map_YX.shape) for map_YX in clip}, clip_name)
        for map_YX in clip:
            _check_classes(map_YX, num_classes, clip_name)
    fitting = {(height, width), picture_size}
    warn_of_resizing({tuple(clip[0].shape) for clip in clips} - fitting, (height, width), name)
    fitted = [resize_class_maps(torch.stack(clip).numpy(), height, width) for clip in clips]
    return torch.from_numpy(np.stack(fitted))


def color_class_map(class_map: np.ndarray | torch.Tensor, palette: np.ndarray) -> PIL.Image.Image:
    """A class map as a picture that can be looked at and given back as a sketch.

    Args:
        class_map (`np.ndarray` or `torch.Tensor` of shape `(Y, X)`): integers in [0, classes).
        palette (`np.ndarray` of shape `(classes, 3)`): uint8, a colour for each class; at most 256.

    Returns:
        `PIL.Image.Image`: of mode "P"; its values are the classes. Save it as PNG, which keeps them.

    Raises:
        TypeError: If the class map has no integers, or the palette no uint8.
        ValueError: If a shape is wrong, or a class has no colour.
    """
    palette = np.asarray(palette)
    if palette.dtype != np.uint8:
        raise TypeError(f"`palette` must have uint8 numbers, got {palette.dtype}; convert them.")
    if palette.ndim != 2 or palette.shape[1] != 3 or not 1 <= len(palette) <= 256:
        raise ValueError(
            f"`palette` must have shape (classes, 3) with at most 256 classes, got {palette.shape}; reshape it."
        )
    maps, _ = _read_item(class_map, "class_map", None)
    _check_classes(maps[0], len(palette), "class_map")
    picture = PIL.Image.fromarray(maps[0].numpy().astype(np.uint8))
    picture.putpalette(palette.tobytes())
    return picture


def _read_item(item: Any, name: str, sampler: ClipSampler | None) -> tuple[list[torch.Tensor], bool]:
    """Class maps `(Y, X)` of a sketch or clip, and whether it is a clip of its own."""
    is_video = sampler is not None
    if is_video and isinstance(item, list | tuple):
        parts = [_read_item(one, f"{name}[{place}]", sampler) for place, one in enumerate(item)]
        if any(is_clip for _, is_clip in parts):
            raise ValueError(
                f"`{name}` must be a clip, whose frames are single sketches, got a list of clips; give one clip, or "
                "one sketch for each frame."
            )
        return group_clips(parts, name, sampler)[0], True
    if isinstance(item, np.ndarray | torch.Tensor):
        if item.ndim > 2 and 0 not in item.shape:
            item = without_channel(item, name)
        maps = list(_read_array(item, name, is_video))
        return (take_given(maps, sampler, name), True) if item.ndim == 3 else (maps, False)
    if not isinstance(item, PIL.Image.Image) and not is_source(item):
        raise TypeError(f"`{name}` must be {KINDS}, got {type(item).__name__}; convert it.")
    if is_video:
        return take_file(item, _read_picture, sampler, name)
    with naming(name, describe(item)):
        return [_read_picture(load_image(item, name))], False


def _read_picture(picture: PIL.Image.Image) -> torch.Tensor:
    return torch.from_numpy(class_indices(picture)).long()


def _read_array(array: np.ndarray | torch.Tensor, name: str, is_video: bool) -> torch.Tensor:
    """Integers as `(T, Y, X)`."""
    shape = tuple(array.shape)
    if array.ndim not in ((2, 3) if is_video else (2,)):
        expected = "(Y, X), (T, Y, X) or (B, T, Y, X)" if is_video else "(Y, X) or (B, Y, X)"
        raise ValueError(f"`{name}` must have shape {expected}, got {shape} for one of them; reshape it.")
    if 0 in shape:
        raise ValueError(f"`{name}` must have at least one pixel and frame, got shape {shape}; leave it out.")
    numbers = to_array(array, name)
    if not np.issubdtype(numbers.dtype, np.integer):
        raise TypeError(f"`{name}` must have integers, the classes, got {array.dtype}; convert them.")
    return torch.from_numpy(numbers.astype(np.int64)).reshape(-1, *shape[-2:])


def _check_classes(map_YX: torch.Tensor, num_classes: int, name: str) -> None:
    is_wrong = (map_YX < 0) | (map_YX >= num_classes)
    if is_wrong.any():
        row, column = is_wrong.nonzero()[0].tolist()
        raise ValueError(
            f"`{name}` must have classes from 0 to {num_classes - 1}, got {map_YX[row, column]} at row {row}, column"
            f" {column}; map your classes to the model's."
        )
