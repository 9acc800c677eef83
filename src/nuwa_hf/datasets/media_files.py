# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Stored images and clips as frames with times, and frames at the size of a codec."""

import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import fsspec
import numpy as np
import PIL.Image
import PIL.ImageOps

from .frame_sampling import BrokenClipError, TimedFrame


MAX_FRAMES = 100_000  # of one clip: a few bytes of a damaged or hostile file can ask for far more

# What Pillow raises, from one format to another, when a file is damaged.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    AssertionError,
    struct.error,
    zlib.error,
    PIL.Image.DecompressionBombError,
)


def stored_name(media: Any) -> str | None:
    """The file name that a stored image or clip goes by.

    Args:
        media: what `open_media` takes.

    Returns:
        `str`, or None if it has none.
    """
    path = media.get("path") if isinstance(media, dict) else media
    return Path(str(path).split("::")[0]).name if isinstance(path, str | Path) else None


def open_media(media: Any) -> PIL.Image.Image | BytesIO:
    """A stored image or animation as a picture, or a stored video as its bytes.

    Args:
        media (`dict`, `str`, `Path`, `bytes` or `PIL.Image.Image`): `{"bytes": ..., "path": ...}` as `datasets` gives
            it without decoding, a path, the bytes of a file, or a picture.

    Returns:
        `PIL.Image.Image`, its pixels not yet read, or `BytesIO`.

    Raises:
        BrokenClipError: If there is no such file, or nothing in it.
        OSError: If a remote file cannot be reached; that says nothing about the clip.
    """
    if isinstance(media, PIL.Image.Image):
        return media
    data = _read_bytes(media)
    if not data:
        raise BrokenClipError("is empty")
    try:
        return PIL.Image.open(BytesIO(data))
    except PIL.UnidentifiedImageError:
        return BytesIO(data)
    except _DAMAGE as error:
        raise BrokenClipError(f"cannot be decoded: {error}") from error


def is_still(media: Any) -> bool:
    """Whether a stored image has a single frame.

    Args:
        media: what `open_media` takes.

    Returns:
        `bool`: False for animations, for videos and for what cannot be read.
    """
    try:
        opened = open_media(media)
        return isinstance(opened, PIL.Image.Image) and getattr(opened, "n_frames", 1) == 1
    except _DAMAGE:
        return False


def timed_frames(media: PIL.Image.Image | BytesIO) -> Iterator[TimedFrame]:
    """The frames of an image, an animation or a video, one after another.

    Args:
        media (`PIL.Image.Image` or `BytesIO`): what `open_media` gave.

    Yields:
        `TimedFrame`: by increasing time.

    Raises:
        BrokenClipError: If it cannot be decoded.
    """
    frames = _picture_frames(media) if isinstance(media, PIL.Image.Image) else _video_frames(media)
    for frame in frames:
        if frame.number >= MAX_FRAMES:
            raise BrokenClipError(f"has more than {MAX_FRAMES} frames")
        yield frame


def fit_picture(picture: PIL.Image.Image, height: int, width: int) -> np.ndarray:
    """The middle of a picture, cut to an aspect and resized.

    Args:
        picture (`PIL.Image.Image`): of any mode that has colours or greys; transparent pixels are put on white.
        height (`int`): rows.
        width (`int`): columns.

    Returns:
        `np.ndarray` of shape `(height, width, 3)`, uint8.

    Raises:
        BrokenClipError: If its mode cannot be shown.
    """
    rgb = _to_rgb(picture)
    box = middle_box(rgb.height, rgb.width, height, width)
    return np.array(rgb.resize((width, height), PIL.Image.Resampling.BICUBIC, box=box))


def middle_box(rows: int, columns: int, height: int, width: int) -> tuple[float, float, float, float]:
    """The largest box of an aspect in the middle of a picture.

    Args:
        rows (`int`): of the picture.
        columns (`int`): of the picture.
        height (`int`): the aspect's height.
        width (`int`): the aspect's width.

    Returns:
        `tuple[float, float, float, float]`: left, top, right, bottom, in pixels.
    """
    box_rows, box_columns = min(rows, columns * height / width), min(columns, rows * width / height)
    left, top = (columns - box_columns) / 2, (rows - box_rows) / 2
    return left, top, left + box_columns, top + box_rows


def _read_bytes(media: Any) -> bytes:
    path = media
    if isinstance(media, dict):
        if media.get("bytes") is not None:
            return media["bytes"]
        path = media.get("path")
    if isinstance(path, bytes):
        return path
    if not isinstance(path, str | Path):
        raise BrokenClipError(f"is no image and no clip, but {type(media).__name__}")
    if "://" in str(path):  # streamed from elsewhere; an error of the network says nothing about the clip
        with fsspec.open(str(path), "rb") as file:
            return file.read()
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise BrokenClipError("is not there") from error
    except OSError as error:
        raise BrokenClipError(f"cannot be read: {error.strerror or error}") from error


def _picture_frames(picture: PIL.Image.Image) -> Iterator[TimedFrame]:
    time = Fraction(0)
    try:
        count = getattr(picture, "n_frames", 1)
        for number in range(count):
            if count > 1:
                picture.seek(number)
            picture.load()
            milliseconds = picture.info.get("duration") or 100  # players show 0 as 100
            duration = Fraction(milliseconds).limit_denominator(1000) / 1000 if count > 1 else Fraction(0)
            frame = picture.copy() if count > 1 else PIL.ImageOps.exif_transpose(picture)
            frame.format = picture.format
            yield TimedFrame(number, time, duration, partial(_given, frame))
            time += duration
    except _DAMAGE as error:
        raise BrokenClipError(f"cannot be decoded: {error or type(error).__name__}") from error


def _given(picture: PIL.Image.Image) -> PIL.Image.Image:
    return picture


def _video_frames(file: BytesIO) -> Iterator[TimedFrame]:
    try:
        with av.open(file, metadata_errors="replace") as container:
            if not container.streams.video:
                raise BrokenClipError("has no video stream")
            first = last = None
            for number, frame in enumerate(container.decode(container.streams.video[0])):
                if frame.is_corrupt:
                    raise BrokenClipError(f"cannot be decoded: frame {number} is damaged")
                if frame.pts is None:
                    raise BrokenClipError(f"cannot be decoded: frame {number} has no time")
                first = frame.pts if first is None else first
                time = (frame.pts - first) * frame.time_base
                duration = frame.duration * frame.time_base if frame.duration else time - (last or time)
                yield TimedFrame(number, time, duration, partial(_video_picture, frame))
                last = time
    except (av.FFmpegError, OSError, UnicodeError) as error:
        raise BrokenClipError(f"cannot be decoded: {getattr(error, 'strerror', None) or error}") from error


def _video_picture(frame: av.VideoFrame) -> PIL.Image.Image:
    """The frame the right way up."""
    return PIL.Image.fromarray(np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)))


def _to_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode.startswith("I"):  # more than 8 bits, which Pillow would cut off
        levels = np.array(picture).astype(np.int64)
        white = 255 if picture.mode == "I" and levels.max() <= 255 else 65535
        picture = PIL.Image.fromarray((levels.clip(0, white) * 255 // white).astype(np.uint8))
    try:
        if picture.has_transparency_data:
            rgba = picture.convert("RGBA")
            picture = PIL.Image.alpha_composite(PIL.Image.new("RGBA", rgba.size, "white"), rgba)
        return picture.convert("RGB")
    except _DAMAGE as error:
        raise BrokenClipError(f"has the mode {picture.mode!r}, which cannot be shown") from error
