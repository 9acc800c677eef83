# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""An opened image, animation or video: its frames from any time on, how many there are, how long it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice
from typing import BinaryIO

import PIL.Image

from nuwa_hf.media.animation_span import animation_span
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_index import FrameIndex
from nuwa_hf.media.frame_sampling import TimedFrame, sample_window
from nuwa_hf.media.pictures import READ_NAMES, is_animated, picture_frames
from nuwa_hf.media.videos import Video


@dataclass(frozen=True)
class Media:
    """An image, an animation or a video whose frames are not read yet.

    Args:
        picture (`PIL.Image.Image`, *optional*): what Pillow reads; None for a video.
        file (`BinaryIO`, *optional*): what it is read from; None for a picture that was given as such.
        known_index (`FrameIndex`, *optional*): the `frame_index` of the same video when it was opened before.
    """

    picture: PIL.Image.Image | None
    file: BinaryIO | None
    known_index: FrameIndex | None = None

    @property
    def is_clip(self) -> bool:
        """Whether it has frames that follow each other in time; False for a still image."""
        return self.picture is None or is_animated(self.picture)

    def seconds(self) -> Fraction:
        """How long it is shown: 0 for a still image.

        Returns:
            `Fraction`: seconds, from the first frame to the end of the last.

        Raises:
            BrokenMediaError: If it is damaged.
        """
        return self._span[1] if self._video is None else self._video.index.seconds()

    def count_frames(self) -> int:
        """How many frames it has. Most files are not decoded for it; the answer is kept.

        Returns:
            `int`: 1 for a still image.

        Raises:
            BrokenMediaError: If it is damaged.
        """
        return self._span[0] if self._video is None else len(self._video.index)

    @property
    def frame_index(self) -> FrameIndex | None:
        """When a video's frames are shown, for which the whole file is read; None for an image or an animation."""
        return None if self._video is None else self._video.index

    def told_span(self) -> tuple[int, Fraction] | None:
        """How many frames it has and how long it is shown, where the file tells it without being decoded.

        Returns:
            `tuple[int, Fraction]`: frames, and seconds; None where only decoding tells them.

        Raises:
            BrokenMediaError: If it is damaged.
        """
        if self._video is not None:
            index = self._video.told_index
            return None if index is None else (len(index), index.seconds())
        if self.picture.format != "GIF" and not self.is_clip:  # of a GIF this sees whether it is cut off
            return 1, Fraction(0)
        return None if self.file is None else animation_span(self.file, self.picture.format)

    def frame_times(self) -> list[Fraction]:
        """When each frame is first shown. Most videos are not decoded for it, animations are.

        Returns:
            `list[Fraction]`: seconds from the first frame on, rising.

        Raises:
            BrokenMediaError: If it is damaged.
        """
        if self._video is None:
            return [frame.time for frame in self.frames()]
        index = self._video.index
        return [int(time - index.times[0]) * index.time_base for time in index.times]

    def frames(self, start: Fraction | int = 0) -> Iterator[TimedFrame]:
        """The frames, each decoded as it is asked for; a still image is a clip of one.

        One iterator may run at a time.

        Args:
            start (`Fraction`, defaults to 0): the frame that is shown then is the first one, in seconds from the
                clip's first frame. Of a video only what comes after the key frame before it is decoded.

        Yields:
            `TimedFrame`: by increasing time, the right way up; numbers and times count from the clip's first frame.

        Raises:
            BrokenMediaError: If it is damaged, cut off, no video, has no frame at that time, or more than 100,000 have
                to be decoded, or too many pixels.
        """
        start = Fraction(start)
        if start <= 0:
            frames = picture_frames(self.picture, self.file) if self._video is None else self._video.frames()
        elif start >= self.seconds():
            seconds = float(self.seconds())
            raise BrokenMediaError(f"lasts {seconds:g} s, and is asked for from {float(start):g} s on")
        elif self._video is None:
            frames = (frame for frame in self.frames() if frame.time + frame.duration > start)
        else:
            frames = self._video.frames(self._video.index.shown_at(start))
        frame = None
        for frame in frames:
            yield frame
        if frame is None:
            raise BrokenMediaError("has no frames")

    def frame(self, number: int) -> TimedFrame:
        """One frame; a video is decoded from the key frame before it.

        Args:
            number (`int`): how many frames come before it, below `count_frames()`.

        Returns:
            `TimedFrame`.

        Raises:
            BrokenMediaError: If it is damaged, or has fewer frames.
        """
        if number >= self.count_frames():
            raise BrokenMediaError(f"has {self.count_frames()} frames, and number {number} is asked for")
        frames = islice(self.frames(), number, None) if self._video is None else self._video.frames(number)
        frame = next(frames, None)
        if frame is None:
            raise BrokenMediaError(f"is damaged: its frame {number} cannot be decoded")
        return frame

    def window(self, *, frame_rate: float, num_frames: int, start: Fraction | int = 0) -> Iterator[TimedFrame]:
        """So many frames at a rate, each decoded as it is asked for, as in `frames`.

        Args:
            frame_rate (`float`): frames a second, above 0.
            num_frames (`int`): how many, at least 1.
            start (`Fraction`, defaults to 0): when the first is shown, in seconds from the clip's first frame.

        Yields:
            `TimedFrame`: `num_frames` of them.

        Raises:
            BrokenMediaError: If it is damaged, or ends before the last of these times; after those that it has.
        """
        return sample_window(self.frames(start), frame_rate=frame_rate, num_frames=num_frames, start=start)

    def still(self) -> PIL.Image.Image:
        """The image, or the first frame of an animation.

        Returns:
            `PIL.Image.Image`: a new picture, the right way up, of the mode that Pillow reads.

        Raises:
            BrokenMediaError: If it is a video, damaged or cut off.
        """
        if self.picture is None:
            raise BrokenMediaError(
                "is of no known image format",
                rule=f"an image file, {READ_NAMES}",
                remedy="it may be damaged, or something else under an image's name",
            )
        return next(self.frames()).picture()

    @cached_property
    def _video(self) -> Video | None:
        return Video(self.file, self.known_index) if self.picture is None else None

    @cached_property
    def _span(self) -> tuple[int, Fraction]:
        """Frames and seconds of what Pillow reads."""
        told = self.told_span()
        if told is not None:
            return told
        for frame in self.frames():
            last = frame
        return last.number + 1, last.time + last.duration
