# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What stands for videos, as pixels of the model's size.

Letters: B batch, T frames, C channels, Y, X pixel rows, columns.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

import av
import numpy as np
import PIL.Image
import torch

from nuwa_hf.pipelines.image_input import KINDS, ImageReader, describe_sizes
from nuwa_hf.pipelines.source_files import check_frame_count, identify, is_animated, is_source, load_frames, opened


Frame = TypeVar("Frame")
Picture = tuple[torch.Tensor, tuple[int, int]]  # pixels (3, Y, X), and the size they had


@dataclass(frozen=True)
class PreparedVideos:
    """Clips at the model's size.

    Args:
        pixels (`torch.Tensor` of shape `(B, T, 3, Y, X)`): float32 in [0, 1], on the CPU.
        sizes (`list[tuple[int, int]]`): height and width of each clip before it was resized.
    """

    pixels: torch.Tensor
    sizes: list[tuple[int, int]]


def prepare_videos(video: Any, *, height: int, width: int, name: str = "video") -> PreparedVideos:
    """Read one clip or many, and bring them to the model's size.

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
    is_batch = isinstance(video, np.ndarray | torch.Tensor) and video.ndim == 5
    if is_batch or isinstance(video, list | tuple):
        items = [_read_item(one, f"{name}[{place}]", reader) for place, one in enumerate(video)]
        clips = group_clips(items, name)
    else:
        clips = [_read_item(video, name, reader)[0]]
    check_equal_frame_counts(clips, name)
    sizes = []
    for place, clip in enumerate(clips):
        check_one_size({size for _, size in clip}, name if len(clips) == 1 else f"{name}[{place}]")
        sizes.append(clip[0][1])
    reader.warn(name)
    return PreparedVideos(torch.stack([torch.stack([pixels for pixels, _ in clip]) for clip in clips]), sizes)


def group_clips(items: Sequence[tuple[list[Frame], bool]], name: str) -> list[list[Frame]]:
    """The clips that the items of a list make.

    Args:
        items (`Sequence[tuple[list, bool]]`): frames of each item, and whether it is a clip of its own.
        name (`str`): the argument's name, for the message.

    Returns:
        `list[list]`: a clip for each item if one of them is a clip of its own, else one clip of all.

    Raises:
        ValueError: If there are no items.
    """
    if not items:
        raise ValueError(f"`{name}` must hold at least one frame, got none.")
    if any(is_clip for _, is_clip in items):
        return [frames for frames, _ in items]
    return [[frame for frames, _ in items for frame in frames]]


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


def _read_item(item: Any, name: str, reader: ImageReader) -> tuple[list[Picture], bool]:
    """The frames of a clip or an image, and whether it is a clip of its own."""
    if isinstance(item, list | tuple):
        parts = [_read_item(one, f"{name}[{place}]", reader) for place, one in enumerate(item)]
        if any(is_clip for _, is_clip in parts):
            raise ValueError(f"`{name}` must be a clip, whose frames are {KINDS} of one image, got a list of clips.")
        return group_clips(parts, name)[0], True
    if isinstance(item, np.ndarray | torch.Tensor) and item.ndim >= 4:
        expected = "(T, C, Y, X)" if isinstance(item, torch.Tensor) else "(T, Y, X, C)"
        if item.ndim > 4:
            raise ValueError(f"`{name}` must be a clip of shape {expected}, got {tuple(item.shape)}.")
        if len(item) == 0:
            raise ValueError(f"`{name}` must have at least one frame, got shape {tuple(item.shape)}.")
        return [reader.read(frame, f"{name}[{place}]") for place, frame in enumerate(item)], True
    if is_source(item):
        return _read_file(item, name, reader)
    if isinstance(item, PIL.Image.Image) and is_animated(item, name):
        return [reader.read(frame, name) for frame in load_frames(item, name)], True
    return [reader.read(item, name)], False


def _read_file(source: str | os.PathLike, name: str, reader: ImageReader) -> tuple[list[Picture], bool]:
    with opened(source, name) as file:
        picture = identify(file, name)
        if picture is None:
            file.seek(0)
            # Every frame is resized when it is decoded, so that a long film of large frames is never in memory.
            return [reader.read(frame, name) for frame in _decode(file, os.fspath(source), name)], True
        return [reader.read(frame, name) for frame in load_frames(picture, name, file)], is_animated(picture, name)


def _decode(file: BinaryIO, path: str, name: str) -> Iterator[np.ndarray]:
    """The frames of a video file, `(Y, X, 3)` uint8, the right way up."""
    count = 0
    damaged = f"`{name}` must be a whole, readable video or image file, got {path}"
    try:
        if _is_cut_off(file):
            raise ValueError(f"{damaged}, which is cut off.")
        with av.open(file, metadata_errors="replace") as container:
            if not container.streams.video:
                raise ValueError(f"`{name}` must be a file with a video stream, got {path}, which has none.")
            for packet in container.demux(container.streams.video[0]):
                if packet.is_corrupt:
                    raise ValueError(f"{damaged}, which is cut off or damaged after frame {count}.")
                for frame in packet.decode():
                    if frame.is_corrupt:
                        raise ValueError(f"{damaged}, whose frame {count} is damaged.")
                    count += 1
                    check_frame_count(name, count)
                    yield np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
    except (av.FFmpegError, OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{damaged}, which cannot be decoded: {reason}.") from error
    if count == 0:
        raise ValueError(f"`{name}` must have at least one frame, got {path}, which has none.")


def _is_cut_off(file: BinaryIO) -> bool:
    """Whether an MP4 is shorter than its boxes say; its decoder would only give fewer frames."""
    end = file.seek(0, os.SEEK_END)
    place = 0
    while place + 8 <= end:
        file.seek(place)
        head = file.read(16)
        if place == 0 and head[4:8] != b"ftyp":
            break
        size = int.from_bytes(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4], "big")
        if size == 0:  # to the end
            break
        place += max(size, 8)
    file.seek(0)
    return place > end
