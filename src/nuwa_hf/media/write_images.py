# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Write images."""

import os
from pathlib import Path

import PIL.Image

from nuwa_hf.media.whole_files import written_aside


# Pillow's format and its options for each suffix of an image file.
IMAGE_FORMATS = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
}
IMAGE_SUFFIXES = tuple(IMAGE_FORMATS)


def write_png(image: PIL.Image.Image, path: str | os.PathLike) -> None:
    """Write a picture as a PNG.

    Args:
        image (`PIL.Image.Image`): the picture.
        path (`str` or `os.PathLike`): the file.

    Raises:
        OSError: If the file cannot be written.
    """
    with written_aside(path) as aside:
        image.save(aside, format="PNG")


def write_image(image: PIL.Image.Image, path: str | os.PathLike) -> None:
    """Write a picture in the format that the file's suffix says: PNG and WebP keep every pixel, JPEG nearly.

    Args:
        image (`PIL.Image.Image`): the picture.
        path (`str` or `os.PathLike`): the file; its suffix is .png, .jpg, .jpeg or .webp.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If it has another suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in IMAGE_FORMATS:
        raise ValueError(f"`path` must end in {' or '.join(IMAGE_SUFFIXES)}, got {os.fspath(path)!r}.")
    format_name, options = IMAGE_FORMATS[suffix]
    with written_aside(path) as aside:
        image.convert("RGB").save(aside, format=format_name, **options)
