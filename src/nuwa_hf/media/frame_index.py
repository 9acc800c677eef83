# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""When each frame of a video is shown, and where decoding can begin: read from its packets, without decoding."""

import math
from array import array
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from nuwa_hf.media.errors import BrokenMediaError


# Codecs of which every packet is one frame that is shown; of VP8 also those packets that are only referred to.
ONE_FRAME_A_PACKET = frozenset(
    {"av1", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "png", "prores", "vp8", "vp9"}
)


@dataclass(frozen=True)
class FrameIndex:
    """The times of a video's frames.

    Args:
        times (`np.ndarray` of shape `(frames,)`): int64, by increasing time, in units of `time_base`.
        last_duration (`int`): how long the last one is shown, in the same units.
        time_base (`Fraction`): seconds.
        keys (`np.ndarray` of shape `(2, keys)`): int64, when the frames are shown and decoded at which decoding can
            begin; empty if it must begin at the start.
    """

    times: np.ndarray
    last_duration: int
    time_base: Fraction
    keys: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    def seconds(self) -> Fraction:
        """How long the video is shown.

        Returns:
            `Fraction`: seconds from the first frame to the end of the last.
        """
        return int(self.times[-1] - self.times[0] + self.last_duration) * self.time_base

    def shown_at(self, start: Fraction) -> int:
        """Which frame is shown at a time.

        Args:
            start (`Fraction`): seconds from the first frame on, before the end.

        Returns:
            `int`: the last one that begins then or before.
        """
        place = start / self.time_base // 1 + int(self.times[0])
        return int(np.searchsorted(self.times, place, side="right")) - 1

    def entrances(self, number: int) -> list[int]:
        """Where to seek to in order to decode a frame, the best place first.

        Some containers are searched by the times at which frames are shown, others by those at which they are decoded.

        Args:
            number (`int`): of the frame.

        Returns:
            `list[int]`: in units of `time_base`.
        """
        reached = self.keys[:, self.keys[0] <= self.times[number]]
        nearest = reached[:, reached[0].argmax()] if reached.size else reached
        return sorted({int(time) for time in nearest.flat}, reverse=True)


def scan_packets(container: av.container.InputContainer, stream: av.VideoStream) -> FrameIndex | None:
    """What the packets tell of the frames.

    Args:
        container (`av.container.InputContainer`): the open file, at its start.
        stream (`av.VideoStream`): of which frames.

    Returns:
        `FrameIndex`, or None where only decoding tells which frames there are, and when they are shown.

    Raises:
        BrokenMediaError: If a packet is damaged.
    """
    codec = stream.codec_context.codec.canonical_name
    if codec not in ONE_FRAME_A_PACKET or container.format.name == "avi":  # which has no times of frames
        return None
    is_whole = codec != "h264"  # where lines are interlaced, each half of them may be a packet
    times, shown, decoded, last = array("q"), array("q"), array("q"), (-math.inf, 0)
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise BrokenMediaError(f"is cut off or damaged after frame {len(times)}")
        if not packet.size:
            continue
        if packet.pts is None:
            return None
        if not is_whole:
            first = next(iter(packet.decode()), None)
            if first is not None and first.interlaced_frame:
                return None
            is_whole = first is not None
        if packet.is_keyframe:
            shown.append(packet.pts)
            decoded.append(packet.pts if packet.dts is None else packet.dts)
        if not shown or packet.pts < shown[0]:  # of what came before the recording
            return None
        if not packet.is_discard and _is_shown(packet, codec):
            times.append(packet.pts)
            last = max(last, (packet.pts, packet.duration or 0))
    sorted_times = np.sort(np.array(times, np.int64))
    if len(sorted_times) == 0 or not np.diff(sorted_times).all():
        return None
    keys = np.stack([np.array(shown, np.int64), np.array(decoded, np.int64)])
    return FrameIndex(sorted_times, last[1] or last_gap(sorted_times), stream.time_base, keys)


def last_gap(times: np.ndarray) -> int:
    """How long a last frame is shown that does not say it: as long as the one before.

    Args:
        times (`np.ndarray` of shape `(frames,)`): int64.

    Returns:
        `int`: 0 for a single frame.
    """
    return int(times[-1] - times[-2]) if len(times) > 1 else 0


def _is_shown(packet: av.Packet, codec: str) -> bool:
    return codec != "vp8" or bool(memoryview(packet)[0] & 0x10)
