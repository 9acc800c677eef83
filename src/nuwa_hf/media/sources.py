# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Open whatever stands for an image or a clip: a path, a URL, the bytes of a file, a picture, a row's column."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import PIL.Image

from nuwa_hf.media.downloads import download
from nuwa_hf.media.errors import BrokenMediaError, UnreadableFileError, pillow_reading
from nuwa_hf.media.frame_index import FrameIndex
from nuwa_hf.media.media import Media
from nuwa_hf.media.pictures import READ_FORMATS


# Of a photograph in tiles FFmpeg would give one tile.
TILED_PHOTO_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


@contextmanager
def open_media(source: Any, known_index: FrameIndex | None = None) -> Iterator[Media]:
    """Open an image, an animation or a video, while the block runs.

    Args:
        source (`str`, `os.PathLike`, `bytes`, `dict` or `PIL.Image.Image`): a path; a URL; the bytes of a file;
            `{"bytes": ..., "path": ...}` as `datasets` gives it without decoding; or a picture.
        known_index (`FrameIndex`, *optional*): the `Media.frame_index` of the same video when it was opened before,
            for which its packets are read otherwise: seconds for one of an hour.

    Yields:
        `Media`: nothing of it is decoded yet.

    Raises:
        BrokenMediaError: If there is no such file, it is empty, or of a format that is known not to be read.
        OSError: If a URL cannot be reached; that says nothing about the clip.
    """
    if isinstance(source, PIL.Image.Image):
        yield Media(source, None)
        return
    with open_file(source) as file:
        yield Media(_identify(file), file, known_index)


@contextmanager
def open_file(source: Any) -> Iterator[BinaryIO]:
    """The bytes that a source names, while the block runs.

    Args:
        source (`str`, `os.PathLike`, `bytes` or `dict`): as for `open_media`.

    Yields:
        `BinaryIO`: an open file that can be searched.

    Raises:
        BrokenMediaError: If there is no such file, or it is no source.
        OSError: If a URL cannot be reached.
    """
    if isinstance(source, dict):
        source = source.get("path") if source.get("bytes") is None else source["bytes"]
    if isinstance(source, bytes):
        yield BytesIO(source)
    elif not isinstance(source, str | os.PathLike):
        raise BrokenMediaError(f"is no image and no clip, but {type(source).__name__}")
    elif "://" in str(source):
        yield BytesIO(download(str(source)))
    else:
        with _open_local(os.fspath(source)) as file:
            yield file


def is_source(value: Any) -> bool:
    """Whether a value can only be a path or a URL.

    Args:
        value: what the user gave.

    Returns:
        `bool`: True for a text or a path.
    """
    return isinstance(value, str | os.PathLike)


def describe(source: Any) -> str:
    """What to call a source in messages.

    Args:
        source: what `open_media` takes.

    Returns:
        `str`: its path or URL, or what kind of picture it is.
    """
    if isinstance(source, dict):
        source = source.get("path") or source.get("bytes")
    if is_source(source):
        return repr(str(os.fspath(source))[:200])
    if isinstance(source, PIL.Image.Image):
        what = f"a {source.format or source.mode} image of {source.width}x{source.height} pixels"
        path = getattr(source, "filename", "") or getattr(getattr(source, "fp", None), "name", "")
        return f"{what} from {path}" if path else what
    return f"{len(source)} bytes" if isinstance(source, bytes) else type(source).__name__


def stored_name(source: Any) -> str | None:
    """The file name that a source goes by.

    Args:
        source: what `open_media` takes.

    Returns:
        `str`, or None if it has none.
    """
    path = source.get("path") if isinstance(source, dict) else source
    return Path(str(path).split("::")[0]).name if isinstance(path, str | Path) else None


def is_still(source: Any) -> bool:
    """Whether a source is an image of a single frame.

    Args:
        source: what `open_media` takes.

    Returns:
        `bool`: False for animations, for videos and for what cannot be read.
    """
    try:
        with open_media(source) as media:
            return not media.is_clip
    except (BrokenMediaError, OSError):
        return False


def _identify(file: BinaryIO) -> PIL.Image.Image | None:
    """The picture that a file begins with, its pixels not yet read; None if it is none that we read with Pillow."""
    head = file.read(12)
    file.seek(0)
    if not head:
        raise BrokenMediaError("is empty")
    try:
        with pillow_reading():
            return PIL.Image.open(file, formats=READ_FORMATS)
    except BrokenMediaError as error:
        if not isinstance(error.__cause__, PIL.UnidentifiedImageError):
            raise
    return _open_photo(file) if head[4:8] == b"ftyp" and head[8:] in TILED_PHOTO_BRANDS else None


def _open_photo(file: BinaryIO) -> PIL.Image.Image:
    try:
        from pillow_heif import HeifImageFile  # here, since few have it and only such photographs need it
    except ImportError as error:
        raise BrokenMediaError(
            "is a HEIC photograph, which only pillow-heif reads",
            remedy='install it with `pip install "nuwa_hf[heif]"`, or save the photograph as JPEG or PNG',
        ) from error
    file.seek(0)
    with pillow_reading():
        return HeifImageFile(file)


def _open_local(path: str | bytes) -> BinaryIO:
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):  # reading may never end
        raise UnreadableFileError("is a device or a pipe", remedy="copy what it gives into a file")
    try:
        return open(path, "rb")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError) as error:  # a null byte
        if os.path.isdir(path):
            raise UnreadableFileError("is a folder", remedy="give a file in it") from error
        missing = UnreadableFileError("is not there", remedy=f"check the path, it counts from {os.getcwd()}")
        raise missing from (error if isinstance(error, FileNotFoundError) else FileNotFoundError(str(error)))
    except OSError as error:
        kind = FileNotFoundError(str(error)) if error.errno == errno.ENAMETOOLONG else error
        raise UnreadableFileError(f"cannot be opened: {error.strerror}", remedy="check the path") from kind
