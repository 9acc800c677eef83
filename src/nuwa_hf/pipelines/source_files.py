# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Open what a path or a URL names, and read pictures from it whole or not at all."""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

import PIL.Image
import PIL.ImageOps


REQUEST_TIMEOUT = 60  # seconds
MAX_FRAMES = 4096  # of one clip: a few bytes of a damaged or hostile file can ask for far more
ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")  # in other formats the further pictures are pages or thumbnails

# What Pillow raises, from one format to another, when a file is damaged or was closed.
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
)


def is_source(value: Any) -> bool:
    """Whether a value can only be a path or a URL.

    Args:
        value: what the user gave.

    Returns:
        `bool`: True for a text or a path.
    """
    return isinstance(value, str | os.PathLike)


@contextmanager
def opened(source: str | os.PathLike, name: str) -> Iterator[BinaryIO]:
    """The bytes that a path or a URL names.

    Args:
        source (`str` or `os.PathLike`): a file, or a URL that starts with `http://` or `https://`.
        name (`str`): the argument's name, for the message.

    Yields:
        `BinaryIO`: an open file that can be searched.

    Raises:
        OSError: If there is no such file, it cannot be opened, or the URL cannot be reached.
    """
    location = os.fspath(source)
    if str(location).startswith(("http://", "https://")):
        downloaded = BytesIO(_download(location, name))
        downloaded.name = location  # for messages, as open files have it
        yield downloaded
        return
    if not os.path.isfile(location):
        raise FileNotFoundError(
            f"`{name}` must be the path of a file, or a URL that starts with http:// or https://, got"
            f" {location[:200]!r}, where there is no file; check the path, it counts from {os.getcwd()}."
        )
    with open(location, "rb") as file:
        yield file


def load_image(image: PIL.Image.Image | str | os.PathLike, name: str) -> PIL.Image.Image:
    """One picture, all of its pixels read, the right way up as its EXIF data say. Of an animated file the first frame.

    Args:
        image (`PIL.Image.Image`, `str` or `os.PathLike`): a picture, a path or a URL.
        name (`str`): the argument's name, for the message.

    Returns:
        `PIL.Image.Image`: a new picture of the same mode.

    Raises:
        OSError: If there is no such file, or the URL cannot be reached.
        ValueError: If it is no picture, damaged, cut off, or of no or far too many pixels.
    """
    if isinstance(image, PIL.Image.Image):
        return _upright(image, name)
    with opened(image, name) as file:
        picture = identify(file, name)
        if picture is None:
            raise ValueError(
                f"`{name}` must be an image file, got {os.fspath(image)}, which is of no known image format; it may be"
                " damaged, or something else under an image's name."
            )
        return _upright(picture, name)


def identify(file: BinaryIO, name: str) -> PIL.Image.Image | None:
    """The picture that a file begins with.

    Args:
        file (`BinaryIO`): the open file.
        name (`str`): the argument's name, for the message.

    Returns:
        `PIL.Image.Image` or `None`: the picture, its pixels not yet read; None if the file is no picture.

    Raises:
        ValueError: If it has far too many pixels.
    """
    try:
        with _reading(name, f"the file {file.name}"):
            return PIL.Image.open(file)
    except ValueError as error:
        if isinstance(error.__cause__, PIL.UnidentifiedImageError):
            return None
        raise


def is_animated(picture: PIL.Image.Image, name: str) -> bool:
    """Whether a picture has several frames that make a clip.

    Args:
        picture (`PIL.Image.Image`): the picture.
        name (`str`): the argument's name, for the message.

    Returns:
        `bool`: False also for the pages of a document and the thumbnails of a photograph.

    Raises:
        ValueError: If the file is damaged.
    """
    with _reading(name, _describe(picture)):
        return picture.format in ANIMATED_FORMATS and getattr(picture, "is_animated", False)


def load_frames(picture: PIL.Image.Image, name: str, file: BinaryIO | None = None) -> list[PIL.Image.Image]:
    """All frames of a picture that may be animated.

    A frame that is shown several times as long as the shortest one is there several times: writers store equal frames
    in a row only once.

    Args:
        picture (`PIL.Image.Image`): the picture; the frame it stands at stays.
        name (`str`): the argument's name, for the message.
        file (`BinaryIO`, *optional*): the file it is read from, to see whether that is whole.

    Returns:
        `list[PIL.Image.Image]`: new pictures, of the modes that Pillow reads.

    Raises:
        ValueError: If the file is damaged or cut off, or there are more than 4096 frames.
    """
    # A GIF that is cut off in its second frame does not count as animated.
    if picture.format != "GIF" and not is_animated(picture, name):
        return [_upright(picture, name)]
    frames, durations = [], []
    stood_at, what = picture.tell(), _describe(picture)
    while _seek(picture, len(frames), name, what):
        frames.append(_upright(picture, name, what))
        durations.append(picture.info.get("duration") or 100)  # milliseconds; browsers show 0 as 100
        check_frame_count(name, len(frames))
    if file is not None and picture.format == "GIF":
        file.seek(-1, os.SEEK_CUR)  # Pillow stopped at the trailer, or where the file ends without one
        if file.read(1) != b";":
            raise ValueError(f"`{name}` must be a whole file, got {what}, cut off after {len(frames)} frames.")
    picture.seek(stood_at)
    # Frame times that wobble, such as 20 and 30 milliseconds for 40 frames a second, count as equal.
    repeats = [max(1, int(duration / min(durations) + 0.25)) for duration in durations]
    check_frame_count(name, sum(repeats))
    return [frame for frame, count in zip(frames, repeats, strict=True) for _ in range(count)]


def check_frame_count(name: str, count: int) -> None:
    """Require a clip that fits into memory.

    Args:
        name (`str`): the argument's name, for the message.
        count (`int`): frames so far.

    Raises:
        ValueError: If there are more than 4096.
    """
    if count > MAX_FRAMES:
        raise ValueError(f"`{name}` must have at most {MAX_FRAMES} frames, got more; cut the clip.")


def _download(url: str, name: str) -> bytes:
    import requests  # here, since only a URL needs it

    try:
        response = requests.get(url, timeout=REQUEST_TIMEOUT)
        response.raise_for_status()
    except requests.RequestException as error:
        raise OSError(f"`{name}` cannot be downloaded from {url}: {error}.") from error
    return response.content


def _seek(picture: PIL.Image.Image, place: int, name: str, what: str) -> bool:
    """Go to a frame; False behind the last one."""
    with _reading(name, what):
        try:
            picture.seek(place)
        except EOFError:
            return False
    return True


def _upright(picture: PIL.Image.Image, name: str, what: str | None = None) -> PIL.Image.Image:
    if 0 in picture.size:
        raise ValueError(f"`{name}` must have at least one pixel, got {picture.width}x{picture.height}.")
    with _reading(name, what or _describe(picture)):
        picture.load()
        upright = PIL.ImageOps.exif_transpose(picture)
    upright.format = picture.format
    return upright


def _describe(picture: PIL.Image.Image) -> str:
    what = f"a {picture.format or picture.mode} image of {picture.width}x{picture.height} pixels"
    path = getattr(picture, "filename", "") or getattr(getattr(picture, "fp", None), "name", "")
    return f"{what} from {path}" if path else what


@contextmanager
def _reading(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except PIL.Image.DecompressionBombError as error:
        raise ValueError(f"`{name}` has too many pixels to be read safely: {error} Shrink it first.") from error
    except _DAMAGE as error:
        raise ValueError(
            f"`{name}` must be whole and readable, got {what} that is not: {error or 'closed'}; it may be damaged or"
            " cut off, or its file closed."
        ) from error
