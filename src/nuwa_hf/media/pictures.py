# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Images and animations, which Pillow reads, as frames with times."""

import math
import os
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import BinaryIO

import PIL.Image

from nuwa_hf.media.animation_span import frame_duration
from nuwa_hf.media.errors import BrokenMediaError, pillow_reading
from nuwa_hf.media.frame_limit import MAX_ANIMATION_PIXELS, limited
from nuwa_hf.media.frame_sampling import TimedFrame
from nuwa_hf.media.orientation import upright


# What Pillow may open a file as. It knows more: some of these start other programs, some read without bound.
READ_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "AVIF", "JPEG2000", "DIB", "TGA")
READ_NAMES = "PNG, JPEG, GIF, WebP, AVIF, TIFF, BMP, PPM, JPEG 2000, TGA or HEIC"
ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")  # in other formats the further pictures are pages or thumbnails


def is_animated(picture: PIL.Image.Image) -> bool:
    """Whether a picture has several frames that make a clip.

    Args:
        picture (`PIL.Image.Image`): the picture.

    Returns:
        `bool`: False also for the pages of a document and the thumbnails of a photograph.

    Raises:
        BrokenMediaError: If the file is damaged.
    """
    with pillow_reading():
        return picture.format in ANIMATED_FORMATS and getattr(picture, "is_animated", False)


def picture_frames(picture: PIL.Image.Image, file: BinaryIO | None = None) -> Iterator[TimedFrame]:
    """The frames of a picture that may be animated, one after another, each decoded as it is asked for.

    Args:
        picture (`PIL.Image.Image`): the picture; the frame it stands at stays.
        file (`BinaryIO`, *optional*): the file it is read from, to see at the end whether that is whole.

    Yields:
        `TimedFrame`: the right way up, of the modes that Pillow reads.

    Raises:
        BrokenMediaError: If the file is damaged or cut off, or has too many frames or pixels to be read.
    """
    return limited(_frames(picture, file), lambda frame: math.prod(frame.picture().size), MAX_ANIMATION_PIXELS)


def _frames(picture: PIL.Image.Image, file: BinaryIO | None) -> Iterator[TimedFrame]:
    # A GIF that is cut off in its second frame does not count as animated.
    if picture.format != "GIF" and not is_animated(picture):
        yield TimedFrame(0, Fraction(0), Fraction(0), partial(_given, upright(picture)))
        return
    stood_at, number, time = picture.tell(), 0, Fraction(0)
    hidden = int(bool(picture.info.get("default_image")))  # shown by programs that know no animated PNG
    try:
        while _seek(picture, hidden + number):
            frame = upright(picture)
            duration = frame_duration(picture.info.get("duration"), picture.format)
            yield TimedFrame(number, time, duration, partial(_given, frame))
            number, time = number + 1, time + duration
        if file is not None and picture.format == "GIF":
            file.seek(-1, os.SEEK_CUR)  # Pillow stopped at the trailer, or where the file ends without one
            if number == 0 or file.read(1) != b";":
                raise BrokenMediaError(f"is cut off after {number} frames")
    finally:
        if file is None:  # the user's own picture
            _seek(picture, stood_at)


def _seek(picture: PIL.Image.Image, place: int) -> bool:
    """Go to a frame; False behind the last one."""
    with pillow_reading():
        if place < picture.tell() and picture.format == "PNG":
            # Pillow looks ahead to the next frame's head, and would read that one after going back.
            ahead = range(picture.tell() + 1, picture.n_frames)
            for number in limited(ahead, lambda _: math.prod(picture.size), MAX_ANIMATION_PIXELS):
                picture.seek(number)
            picture.load()
        try:
            picture.seek(place)
        except EOFError:
            return False
    return True


def _given(picture: PIL.Image.Image) -> PIL.Image.Image:
    return picture
