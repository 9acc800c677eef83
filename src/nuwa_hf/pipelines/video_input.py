# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What stands for videos, as pixels of the model's size.

Letters: B batch, T frames, C channels, Y, X pixel rows, columns.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import PIL.Image
import torch

from nuwa_hf.media.errors import naming
from nuwa_hf.media.sources import describe, is_source, open_media
from nuwa_hf.pipelines.axes import check_channel_axis
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.image_input import KINDS, ImageReader, describe_sizes


Frame = TypeVar("Frame")
Picture = tuple[torch.Tensor, tuple[int, int]]  # pixels (3, Y, X), and the size they had


@dataclass(frozen=True)
class PreparedVideos:
    """Clips at the model's size.

    Args:
        pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`): float32 in [0, 1], on the CPU.
        sizes (`list[tuple[int, int]]`): height and width of each clip before it was resized.
        is_cut (`bool`): whether a clip was longer than what the task uses of it.
    """

    pixels: torch.Tensor
    sizes: list[tuple[int, int]]
    is_cut: bool


def prepare_videos(
    video: Any, *, height: int, width: int, sampler: ClipSampler, name: str = "video"
) -> PreparedVideos:
    """Read one clip or many, and bring them to the model's frame rate and size.

    A clip is a list of images of any kind; the path or URL of an MP4 or another video file, of a GIF or another
    animated image; an array of shape `(T, Y, X, C)`; a tensor of shape `(T, C, Y, X)`; or one image, which is a clip
    of one frame. So a list of images is one clip; to give one image for each of many clips, wrap each in a list. A
    list is a batch if anything in it is a clip of its own: a list, an array or tensor with an axis of frames, or a
    file with several frames.

    Args:
        video (`PIL.Image.Image`, `str`, `os.PathLike`, `np.ndarray`, `torch.Tensor` or `list`): a clip, a list of
            clips, or an array or tensor of clips with an axis B before T. Images are what `prepare_images` takes.
        height (`int`): rows of the model's frames.
        width (`int`): columns of the model's frames.
        sampler (`ClipSampler`): takes the frames that the task uses.
        name (`str`, *optional*, defaults to `"video"`): the argument's name, for the messages.

    Returns:
        [`PreparedVideos`]: the pixels, and the sizes they had.

    Raises:
        OSError: If a file does not exist or a URL cannot be reached.
        TypeError: If something is no clip and no image.
        ValueError: If a file is damaged, cut off or has no frames, an image is not valid, the frames of a clip differ
            in size, or the clips differ in their number of frames.
    """
    reader = ImageReader(height, width)
    sampler.cuts.clear()  # of earlier clips
    is_batch = isinstance(video, np.ndarray | torch.Tensor) and video.ndim == 5
    if is_batch and 0 not in video.shape:
        check_channel_axis(video, "BT", name)
    if is_batch or isinstance(video, list | tuple):
        items = [_read_item(one, f"{name}[{place}]", reader, sampler) for place, one in enumerate(video)]
        clips = group_clips(items, name, sampler)
    else:
        clips = [_read_item(video, name, reader, sampler)[0]]
    check_equal_frame_counts(clips, name)
    sizes = []
    for place, clip in enumerate(clips):
        check_one_size({size for _, size in clip}, name if len(clips) == 1 else f"{name}[{place}]")
        sizes.append(clip[0][1])
    reader.warn(name)
    sampler.warn()
    pixels = torch.stack([torch.stack([pixels for pixels, _ in clip]) for clip in clips])
    return PreparedVideos(pixels, sizes, is_cut=bool(sampler.cuts))


def group_clips(items: Sequence[tuple[list[Frame], bool]], name: str, sampler: ClipSampler) -> list[list[Frame]]:
    """The clips that the items of a list make.

    Args:
        items (`Sequence[tuple[list, bool]]`): frames of each item, and whether it is a clip of its own.
        name (`str`): the argument's name, for the message.
        sampler (`ClipSampler`): takes the frames of one clip of all.

    Returns:
        `list[list]`: a clip for each item if one of them is a clip of its own, else one clip of all.

    Raises:
        ValueError: If there are no items.
    """
    if not items:
        raise ValueError(f"`{name}` must hold at least one frame, got none; give one.")
    if any(is_clip for _, is_clip in items):
        return [frames for frames, _ in items]
    return [take_given([frame for frames, _ in items for frame in frames], sampler, name)]


def take_given(frames: Sequence[Frame], sampler: ClipSampler, name: str) -> list[Frame]:
    """The frames that a task uses of those that were given one by one, and read already.

    Args:
        frames (`Sequence`): the clip.
        sampler (`ClipSampler`): takes them.
        name (`str`): the argument's name, for the messages.

    Returns:
        `list`.

    Raises:
        ValueError: If there are more than 4096.
    """
    with naming(name, f"{len(frames)} frames"):
        return sampler.take(sampler.untimed(partial(_same, frame) for frame in frames), _same, name)


def take_file(
    source: Any, read: Callable[[PIL.Image.Image], Frame], sampler: ClipSampler, name: str
) -> tuple[list[Frame], bool]:
    """The frames that a task uses of a file or a picture, and whether it is a clip of its own; a still image is one
    frame, whatever the rate.

    Args:
        source (`PIL.Image.Image`, `str` or `os.PathLike`): a picture, a path or a URL.
        read (`Callable`): makes of a picture what is returned.
        sampler (`ClipSampler`): takes the frames.
        name (`str`): the argument's name, for the messages.

    Returns:
        `tuple[list, bool]`.

    Raises:
        OSError: If there is no such file, or the URL cannot be reached.
        ValueError: If it is damaged, cut off or has no frames.
    """
    with naming(name, describe(source)), open_media(source) as media:
        if not media.is_clip:  # a frame of a list, whose frames are taken together
            return [read(frame.picture()) for frame in media.frames()], False
        return sampler.take_media(media, read, name), True


def check_equal_frame_counts(clips: Sequence[Sequence[Any]], name: str) -> None:
    """Require clips that are equally long.

    Args:
        clips (`Sequence[Sequence]`): the frames of each clip.
        name (`str`): the argument's name, for the message.

    Raises:
        ValueError: If they differ.
    """
    counts = [len(clip) for clip in clips]
    if len(set(counts)) > 1:
        raise ValueError(
            f"`{name}` must have clips of one number of frames in a batch, got {', '.join(map(str, counts))}; cut"
            " them, or give them one at a time."
        )


def check_one_size(sizes: Collection[tuple[int, int]], name: str) -> None:
    """Require that all frames of a clip have the same size.

    Args:
        sizes (`Collection[tuple[int, int]]`): the different heights and widths of its frames.
        name (`str`): what to call the clip in the message.

    Raises:
        ValueError: If there are several.
    """
    if len(sizes) > 1:
        raise ValueError(
            f"`{name}` must have frames of one size, got {describe_sizes(sizes)} (height x width); resize them."
        )


def _read_item(item: Any, name: str, reader: ImageReader, sampler: ClipSampler) -> tuple[list[Picture], bool]:
    """The frames of a clip or an image, and whether it is a clip of its own."""
    if isinstance(item, list | tuple):
        parts = [_read_item(one, f"{name}[{place}]", reader, sampler) for place, one in enumerate(item)]
        if any(is_clip for _, is_clip in parts):
            raise ValueError(
                f"`{name}` must be a clip, whose frames are {KINDS} of one image, got a list of clips; give one clip, "
                "or one image for each frame."
            )
        return group_clips(parts, name, sampler)[0], True
    if isinstance(item, np.ndarray | torch.Tensor) and item.ndim >= 4:
        expected = "(T, C, Y, X)" if isinstance(item, torch.Tensor) else "(T, Y, X, C)"
        if item.ndim > 4:
            raise ValueError(f"`{name}` must be a clip of shape {expected}, got {tuple(item.shape)}; reshape it.")
        if len(item) == 0:
            raise ValueError(f"`{name}` must have at least one frame, got shape {tuple(item.shape)}; leave it out.")
        if 0 not in item.shape:
            check_channel_axis(item, "T", name)
        frames = (partial(reader.read, frame, f"{name}[{place}]") for place, frame in enumerate(item))
        with naming(name, f"{len(item)} frames"):
            return sampler.take(sampler.untimed(frames), _same, name), True
    if is_source(item) or isinstance(item, PIL.Image.Image):
        return take_file(item, partial(reader.read_picture, name=name), sampler, name)
    return [reader.read(item, name)], False


def _same(frame: Frame) -> Frame:
    return frame
