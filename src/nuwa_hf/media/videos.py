# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Videos, which PyAV reads, as frames with times."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property, partial
from itertools import chain, dropwhile, islice
from typing import BinaryIO

import av
import numpy as np
import PIL.Image
from av.video.frame import PictureType

from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_index import FrameIndex, last_gap, scan_packets
from nuwa_hf.media.frame_limit import MAX_VIDEO_PIXELS, limited
from nuwa_hf.media.frame_sampling import TimedFrame
from nuwa_hf.media.orientation import check_pixels, square_size, upright_array
from nuwa_hf.media.resizing import resize_picture


# FFmpeg's own decoders of these leave out the transparency, which is a second stream within the first.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# What an MP4 is made of. Behind its last box, cameras write what is none and only looks like one.
MP4_BOXES = (b"ftyp", b"moov", b"moof", b"mdat")
# What FFmpeg knows beside files with the pictures inside: lists of other files and of addresses, and scripts.
LEADING_FORMATS = frozenset(
    (
        *("avisynth", "concat", "dash", "hls", "image2", "imf"),
        *("lavfi", "rtsp", "sap", "sdp", "vapoursynth", "vobsub"),
    )
)
# A stranger's file must not make FFmpeg open another one: no protocol is called "none", so it opens nothing itself.
READ_OPTIONS = {
    "protocol_whitelist": "none",
    "format_whitelist": ",".join(sorted(av.formats_available - LEADING_FORMATS)),
}
# Titles that are not UTF-8 end nothing: from PyAV 19 on by themselves.
TEXT_OPTIONS = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


class Video:
    """A video in an open file.

    Args:
        file (`BinaryIO`): the file; whatever reads it moves the place in it, so only one may read at a time.
        index (`FrameIndex`, *optional*): when its frames are shown, where that is known already.
    """

    def __init__(self, file: BinaryIO, index: FrameIndex | None = None):
        self._file = file
        if index is not None:
            self.told_index = self.index = index

    @cached_property
    def told_index(self) -> FrameIndex | None:
        """When its frames are shown, where its packets tell it.

        Raises:
            BrokenMediaError: If it is no video, damaged or cut off.
        """
        with self._opened() as (container, stream):
            return scan_packets(container, stream)

    @cached_property
    def index(self) -> FrameIndex:
        """When its frames are shown: read from its packets where they tell it, else by decoding all of them once.

        Raises:
            BrokenMediaError: If it is no video, damaged, cut off, or has no frames.
        """
        if self.told_index is not None:
            return self.told_index
        with self._opened() as (_, stream):
            time_base = stream.time_base
        spans = [(int(frame.time / time_base), frame.duration) for frame in self.frames()]
        if not spans:
            raise BrokenMediaError("has no frames")
        times = np.array([time for time, _ in spans], np.int64)
        return FrameIndex(times, int(spans[-1][1] / time_base), time_base, np.zeros((2, 0), np.int64))

    def frames(self, number: int = 0) -> Iterator[TimedFrame]:
        """The frames, one after another, each decoded when the one before is taken.

        Args:
            number (`int`, defaults to 0): of the first; decoding begins at a key frame before it.

        Yields:
            `TimedFrame`: the right way up, with square pixels; of mode "RGBA" where the video can be transparent.

        Raises:
            BrokenMediaError: If it is no video, damaged, or cut off.
        """
        if number == 0:
            with self._opened() as (container, stream):
                is_avi = container.format.name == "avi"
                if not is_avi:
                    yield from _timed(_decoded(container.demux(stream), stream), stream)
            if is_avi:
                yield from self._avi_frames()
            return
        for place in self.index.entrances(number):
            with self._opened() as (container, stream):
                frames = _entered(container, stream, place, int(self.index.times[number]))
                if frames is not None:
                    yield from _timed(frames, stream, self.index, number)
                    return
        yield from islice(self.frames(), number, None)

    def _avi_frames(self) -> Iterator[TimedFrame]:
        """Those of an AVI, which says when frames are decoded, not when they are shown."""
        with self._opened() as (container, stream):
            times = sorted(packet.pts for packet in container.demux(stream) if packet.size)
        with self._opened() as (container, stream):
            yield from _timed(_at_times(_decoded(container.demux(stream), stream), times), stream)

    @contextmanager
    def _opened(self) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
        if _is_cut_off(self._file):
            raise BrokenMediaError("is cut off")
        self._file.seek(0)
        try:
            with av.open(self._file, container_options=READ_OPTIONS, **TEXT_OPTIONS) as container:
                if not container.streams.video:
                    raise BrokenMediaError("has no video stream", remedy="give a file with pictures")
                stream = container.streams.video[0]
                if stream.codec_context is None:
                    raise BrokenMediaError("is of a codec that FFmpeg does not know")
                check_pixels(stream.codec_context.width, stream.codec_context.height)
                yield container, stream
        except (av.FFmpegError, OSError, UnicodeError) as error:
            raise _undecodable(error) from error


def _decoded(packets: Iterable[av.Packet], stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """The frames in the order in which they are shown."""

    def decode() -> Iterator[av.VideoFrame]:
        decoder, count = _alpha_decoder(stream), 0
        for packet in packets:
            if packet.is_corrupt:
                raise BrokenMediaError(f"is cut off or damaged after frame {count}")
            for frame in packet.decode() if decoder is None else decoder.decode(packet):
                yield frame
                count += 1

    return limited(decode(), lambda frame: frame.width * frame.height, MAX_VIDEO_PIXELS)


def _entered(
    container: av.container.InputContainer, stream: av.VideoStream, place: int, wanted: int
) -> Iterator[av.VideoFrame] | None:
    """The frames from one that is shown at a time on, decoded from a key frame; None if a place leads to none."""
    try:
        container.seek(place, stream=stream)
    except av.FFmpegError:
        return None
    packets = dropwhile(lambda packet: not packet.is_keyframe, container.demux(stream))
    entrance = next(packets, None)
    if entrance is None or entrance.pts is None or entrance.pts > wanted:
        return None
    # What is shown before the key frame may refer to what was not decoded, and so may what comes after one that is not
    # drawn whole, of streams that refresh their picture bit by bit.
    frames = dropwhile(lambda frame: frame.pts < entrance.pts, _decoded(chain([entrance], packets), stream))
    key = next(frames, None)
    if key is None or key.pts != entrance.pts or key.pict_type in (PictureType.P, PictureType.B):
        return None
    frames = dropwhile(lambda frame: frame.pts < wanted, chain([key], frames))
    first = next(frames, None)
    return None if first is None or first.pts != wanted or first.is_corrupt else chain([first], frames)


def _timed(
    frames: Iterable[av.VideoFrame], stream: av.VideoStream, index: FrameIndex | None = None, first: int = 0
) -> Iterator[TimedFrame]:
    """Frames, from a number on, with their times; each is shown until the next begins."""
    before, start, gap, number = None, None, 0, first
    if index is not None:
        start, gap = int(index.times[0]), last_gap(index.times[: first + 1])
    for number, frame in enumerate(frames, first):
        if frame.is_corrupt:
            raise BrokenMediaError(f"is damaged: its frame {number} is not whole")
        if frame.pts is None:
            raise BrokenMediaError(
                f"does not say when its frame {number} is shown", remedy="put it into an MP4 or a Matroska file"
            )
        if before is None:
            start = frame.pts if start is None else start
        else:
            frame.pts = max(frame.pts, before.pts)
            gap = frame.pts - before.pts
            yield _timed_frame(number - 1, before, start, gap, stream)
        before = frame
    if before is not None:
        yield _timed_frame(number, before, start, before.duration or gap, stream)


def _timed_frame(number: int, frame: av.VideoFrame, start: int, duration: int, stream: av.VideoStream) -> TimedFrame:
    time = (frame.pts - start) * frame.time_base
    return TimedFrame(number, time, duration * frame.time_base, partial(_picture, frame, stream.sample_aspect_ratio))


def _at_times(frames: Iterable[av.VideoFrame], times: list[int]) -> Iterator[av.VideoFrame]:
    for frame, time in zip(frames, times, strict=False):
        frame.pts = time
        yield frame


def _alpha_decoder(stream: av.VideoStream) -> av.CodecContext | None:
    if ("alpha_mode", "1") not in ((key.lower(), value) for key, value in stream.metadata.items()):
        return None
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    return None if name is None else av.CodecContext.create(name, "r")


def _picture(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> PIL.Image.Image:
    has_alpha = any(component.is_alpha for component in frame.format.components)
    size = square_size(frame.width, frame.height, pixel_aspect)
    try:
        picture = PIL.Image.fromarray(frame.to_ndarray(format="rgba" if has_alpha else "rgb24"))
    except av.FFmpegError as error:  # pixels of a kind that does not convert
        raise _undecodable(error) from error
    if size != picture.size:
        picture = resize_picture(picture, size[1], size[0])
    return PIL.Image.fromarray(np.ascontiguousarray(upright_array(frame, np.asarray(picture))))


def _undecodable(error: Exception) -> BrokenMediaError:
    reason = getattr(error, "strerror", None) or error
    return BrokenMediaError(
        f"cannot be decoded: {reason}", remedy="it may be damaged, or something else under that name"
    )


def _is_cut_off(file: BinaryIO) -> bool:
    """Whether an MP4 is shorter than its boxes say; its decoder would only give fewer frames."""
    end = file.seek(0, os.SEEK_END)
    place, kind = 0, b""
    while place + 8 <= end:
        file.seek(place)
        head = file.read(16)
        kind = head[4:8]
        if place == 0 and kind != b"ftyp":
            return False
        size = int.from_bytes(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4], "big")
        if size == 0:  # to the end
            return False
        place += max(size, 8)
    return place > end and kind in MP4_BOXES
