# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Videos, which PyAV reads, as frames with times."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from typing import BinaryIO

import av
import numpy as np
import PIL.Image

from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_sampling import TimedFrame
from nuwa_hf.media.orientation import square_size, upright_array
from nuwa_hf.media.resizing import resize_picture


# FFmpeg's own decoders of these leave out the transparency, which is a second stream within the first.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def video_frames(file: BinaryIO) -> Iterator[TimedFrame]:
    """The frames of a video, one after another, each decoded as it is asked for.

    Args:
        file (`BinaryIO`): the open file.

    Yields:
        `TimedFrame`: the right way up, with square pixels; of mode "RGBA" where the video can be transparent.

    Raises:
        BrokenMediaError: If it is no video, damaged, or cut off.
    """
    if _is_cut_off(file):
        raise BrokenMediaError("is cut off")
    file.seek(0)
    with _opened(file) as container:
        if not container.streams.video:
            raise BrokenMediaError("has no video stream", remedy="give a file with pictures")
        stream = container.streams.video[0]
        decoder = _alpha_decoder(stream)
        number, first, last = 0, None, Fraction(0)
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise BrokenMediaError(f"is cut off or damaged after frame {number}")
            for frame in packet.decode() if decoder is None else decoder.decode(packet):
                if frame.is_corrupt:
                    raise BrokenMediaError(f"is damaged: its frame {number} is not whole")
                if frame.pts is None:
                    raise BrokenMediaError(f"is damaged: its frame {number} has no time")
                first = frame.pts if first is None else first
                time = (frame.pts - first) * frame.time_base
                duration = frame.duration * frame.time_base if frame.duration else time - last
                yield TimedFrame(number, time, duration, partial(_picture, frame, stream.sample_aspect_ratio))
                number, last = number + 1, time


def video_seconds(file: BinaryIO) -> Fraction:
    """How long a video is shown, from the times of its packets: nothing is decoded.

    Args:
        file (`BinaryIO`): the open file.

    Returns:
        `Fraction`: seconds from the first frame to the end of the last; 0 without frames.

    Raises:
        BrokenMediaError: If it is no video.
    """
    file.seek(0)
    with _opened(file) as container:
        packets = container.demux(container.streams.video[0])
        spans = [(packet.pts, packet.duration or 0, packet.time_base) for packet in packets if packet.pts is not None]
    if not spans:
        return Fraction(0)
    return max((pts + duration) * base for pts, duration, base in spans) - min(pts * base for pts, _, base in spans)


@contextmanager
def _opened(file: BinaryIO) -> Iterator[av.container.InputContainer]:
    try:
        with av.open(file, metadata_errors="replace") as container:
            yield container
    except (av.FFmpegError, OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        remedy = "it may be damaged, or something else under that name"
        raise BrokenMediaError(f"cannot be decoded: {reason}", remedy=remedy) from error


def _alpha_decoder(stream: av.VideoStream) -> av.CodecContext | None:
    if ("alpha_mode", "1") not in ((key.lower(), value) for key, value in stream.metadata.items()):
        return None
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    return None if name is None else av.CodecContext.create(name, "r")


def _picture(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> PIL.Image.Image:
    has_alpha = any(component.is_alpha for component in frame.format.components)
    picture = PIL.Image.fromarray(frame.to_ndarray(format="rgba" if has_alpha else "rgb24"))
    size = square_size(frame.width, frame.height, pixel_aspect)
    if size != picture.size:
        picture = resize_picture(picture, size[1], size[0])
    return PIL.Image.fromarray(np.ascontiguousarray(upright_array(frame, np.asarray(picture))))


def _is_cut_off(file: BinaryIO) -> bool:
    """Whether an MP4 is shorter than its boxes say; its decoder would only give fewer frames."""
    end = file.seek(0, os.SEEK_END)
    place = 0
    while place + 8 <= end:
        file.seek(place)
        head = file.read(16)
        if place == 0 and head[4:8] != b"ftyp":
            return False
        size = int.from_bytes(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4], "big")
        if size == 0:  # to the end
            return False
        place += max(size, 8)
    return place > end
