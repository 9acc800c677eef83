# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How many frames an animation has and how long it is shown: read from its blocks, without decoding."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

from nuwa_hf.media.errors import BrokenMediaError


MILLISECONDS_OF_NONE = 100  # that players show a frame whose duration is 0 or missing
GIF_TOO_SHORT = 10  # milliseconds that browsers and FFmpeg take for none
PNG_HEAD, WEBP_HEAD = 8, 12  # bytes before the first chunk
CONTROL_BYTES = 26  # of a PNG's frame


def frame_duration(milliseconds: float | None, kind: str) -> Fraction:
    """How long a frame of an animation is shown.

    Args:
        milliseconds (`float`, *optional*): what its file says; None if it says nothing.
        kind (`str`): Pillow's name of its format.

    Returns:
        `Fraction`: seconds.
    """
    if kind == "GIF" and (milliseconds or 0) <= GIF_TOO_SHORT:
        milliseconds = None
    return Fraction(milliseconds or MILLISECONDS_OF_NONE).limit_denominator(1000) / 1000


def animation_span(file: BinaryIO, kind: str) -> tuple[int, Fraction] | None:
    """The frames and the seconds of an animation.

    Args:
        file (`BinaryIO`): the whole file; its place stays.
        kind (`str`): Pillow's name of its format.

    Returns:
        `tuple[int, Fraction]`, or None where only decoding tells them.

    Raises:
        BrokenMediaError: If it is cut off.
    """
    if kind not in _READERS:
        return None
    count, seconds, place = 0, Fraction(0), file.tell()
    try:
        for milliseconds in _READERS[kind](file):
            count, seconds = count + 1, seconds + frame_duration(milliseconds, kind)
    except EOFError:
        raise BrokenMediaError(f"is cut off after {count} frames") from None
    finally:
        file.seek(place)
    return (count, seconds) if count else None


def _gif_durations(file: BinaryIO) -> Iterator[int]:
    file.seek(10)
    _skip_palette(file, _read(file, 3)[0])
    milliseconds = 0
    while (kind := _read(file, 1)) != b";":
        if kind == b"!":
            is_control = _read(file, 1) == b"\xf9"
            block = _read(file, _read(file, 1)[0])
            if is_control:
                milliseconds = 10 * int.from_bytes(block[1:3], "little")
            if block:
                _skip_sub_blocks(file)
        elif kind == b",":
            _skip_palette(file, _read(file, 9)[8])
            _read(file, 1)  # bits of a pixel
            _skip_sub_blocks(file)
            yield milliseconds
            milliseconds = 0


def _skip_palette(file: BinaryIO, flags: int) -> None:
    if flags & 128:
        file.seek(3 << (flags & 7) + 1, os.SEEK_CUR)


def _skip_sub_blocks(file: BinaryIO) -> None:
    while size := _read(file, 1)[0]:
        file.seek(size, os.SEEK_CUR)


def _png_durations(file: BinaryIO) -> Iterator[float]:
    file.seek(PNG_HEAD)
    kind = b""
    while kind != b"IEND":
        head = _read(file, 8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"fcTL":
            control = _read(file, min(size, CONTROL_BYTES))
            yield int.from_bytes(control[20:22], "big") / (int.from_bytes(control[22:24], "big") or 100) * 1000
            size -= len(control)
        file.seek(size + 4, os.SEEK_CUR)  # with its checksum


def _webp_durations(file: BinaryIO) -> Iterator[int]:
    file.seek(4)
    end, place = 8 + int.from_bytes(_read(file, 4), "little"), WEBP_HEAD
    while place < end:
        file.seek(place)
        head = _read(file, 8)
        if head[:4] == b"ANMF":
            yield int.from_bytes(_read(file, 16)[12:15], "little")
        size = int.from_bytes(head[4:], "little")
        place += 8 + size + size % 2
    if file.seek(0, os.SEEK_END) < end:
        raise EOFError


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


_READERS = {"GIF": _gif_durations, "PNG": _png_durations, "WEBP": _webp_durations}
