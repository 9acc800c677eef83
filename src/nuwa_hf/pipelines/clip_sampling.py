# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which frames of a given clip a task uses: those at the checkpoint's frame rate, and of a long clip a part."""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any, Literal

from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_limit import limited
from nuwa_hf.media.frame_sampling import TimedFrame, check_frame_rate, evenly_timed, exact_rate, sample_frames
from nuwa_hf.media.limits import MAX_CLIP_FRAMES
from nuwa_hf.media.media import Media


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClipSampler:
    """Takes the frames of clips that a task uses, as training did, and remembers what it left out of the last ones.

    Args:
        frame_rate (`float`): the checkpoint's frames a second.
        given_rate (`float`, *optional*): frames a second of the clips as they are given; by default files have times
            of their own, and all else is at the checkpoint's rate.
        longest (`int`, *optional*): a clip of more frames than this, at the checkpoint's rate, is cut; by default none
            is.
        kept (`int`, *optional*): how many frames are left of it then.
        side (`str`, defaults to `"first"`): which frames these are, `"first"` or `"last"`.
    """

    frame_rate: float
    given_rate: float | None = None
    longest: int | None = None
    kept: int | None = None
    side: Literal["first", "last"] = "first"
    cuts: list[str] = field(default_factory=list, init=False)

    def __post_init__(self):
        if self.given_rate is not None:
            check_frame_rate(self.given_rate)

    @classmethod
    def last_frames(cls, frame_rate: float, given_rate: float | None, num_frames: int, max_frames: int):
        """For a video that goes on. Of a clip that leaves nothing to draw, the last frames: half of what a model sees.

        Args:
            frame_rate (`float`): the checkpoint's.
            given_rate (`float`, *optional*): the user's.
            num_frames (`int`): frames of the whole video, those given and those drawn.
            max_frames (`int`): frames that the checkpoint has positions for.

        Returns:
            `ClipSampler`.
        """
        kept = max(1, min(num_frames, max_frames) // 2)
        return cls(frame_rate, given_rate, max(1, num_frames - 1), kept, "last")

    @classmethod
    def first_frames(cls, frame_rate: float, given_rate: float | None, num_frames: int):
        """For a video that is edited: its first frames.

        Args:
            frame_rate (`float`): the checkpoint's.
            given_rate (`float`, *optional*): the user's.
            num_frames (`int`): how many at most.

        Returns:
            `ClipSampler`.
        """
        return cls(frame_rate, given_rate, num_frames, num_frames, "first")

    def untimed(self, pictures: Iterable[Callable[[], Any]]) -> Iterable[TimedFrame]:
        """Frames without times of their own as a clip.

        Args:
            pictures (`Iterable[Callable]`): make the frames.

        Returns:
            `Iterable[TimedFrame]`: at the given rate, or at the checkpoint's.
        """
        return evenly_timed(pictures, self.given_rate or self.frame_rate)

    def take_media(self, media: Media, read: Callable[[Any], Any], name: str) -> list[Any]:
        """Read the frames of a file that are used. Of a video at its own times whose end is used, what comes before
        the key frame of that end is not decoded, if its packets tell the times.

        Args:
            media (`Media`): the file.
            read (`Callable`): makes of a frame's picture what is returned.
            name (`str`): what to call the clip in the warning.

        Returns:
            `list`: what `read` made, at the checkpoint's rate.

        Raises:
            BrokenMediaError: As `take` does.
        """
        if media.picture is not None or self.given_rate is not None:
            return self.take(media.frames(), read, name, partial(self._told_seconds, media))
        if self.longest is not None and self.side == "last":
            rate = exact_rate(self.frame_rate)
            total = math.ceil(media.seconds() * rate)
            if total > self.longest:
                self._note(name, total - self.kept, "before")
                start = (total - self.kept) / rate
                window = media.window(frame_rate=self.frame_rate, num_frames=self.kept, start=start)
                return [frame() for frame in _read_once(window, read)]
        return self.take(media.frames(), read, name, partial(self._told_seconds, media))

    def take(
        self,
        frames: Iterable[TimedFrame],
        read: Callable[[Any], Any],
        name: str,
        seconds: Callable[[], Fraction | None] | None = None,
    ) -> list[Any]:
        """Read the frames that are used; memory does not grow with those that are not.

        Args:
            frames (`Iterable[TimedFrame]`): the clip.
            read (`Callable`): makes of a frame's picture what is returned.
            name (`str`): what to call the clip in the warning.
            seconds (`Callable`, *optional*): how long the clip is, or None where only decoding would tell; by default
                its frames are counted, which costs nothing where they are in memory.

        Returns:
            `list`: what `read` made, at the checkpoint's rate.

        Raises:
            BrokenMediaError: If the clip cannot be read, has no frames, more than 4096 that are to be kept, or more
                than 100,000 in all, or too many pixels in those that are decoded.
        """
        if self.given_rate is not None:
            frames = evenly_timed((frame.picture for frame in frames), self.given_rate)
        sampled = _read_once(limited(sample_frames(frames, self.frame_rate)), read)
        if self.longest is not None and self.side == "last":
            ends, total = deque(maxlen=self.longest + 1), 0
            for total, frame in enumerate(sampled, 1):  # noqa: B007 (counts)
                ends.append(frame())
            if total <= self.longest:
                return list(ends)
            self._note(name, total - self.kept, "before")
            return list(ends)[-self.kept :]
        taken = []
        for frame in sampled:
            if len(taken) == self.longest:
                if seconds is None:
                    count = 1 + sum(1 for _ in sampled)
                else:
                    told = seconds()
                    count = None if told is None else math.ceil(told * exact_rate(self.frame_rate)) - len(taken)
                self._note(name, count, "after")
                break
            if len(taken) == MAX_CLIP_FRAMES:
                raise BrokenMediaError(
                    f"has more than {MAX_CLIP_FRAMES} frames at {self.frame_rate:g} a second", remedy="cut the clip"
                )
            taken.append(frame())
        return taken

    def warn(self) -> None:
        """Log what was left out of the last clips."""
        for cut in self.cuts:
            logger.warning("%s", cut)

    def _told_seconds(self, media: Media) -> Fraction | None:
        """How long a file is shown at the given rate, if its container tells it."""
        told = media.told_span()
        if told is None:
            return None
        num_frames, seconds = told
        return seconds if self.given_rate is None else num_frames / exact_rate(self.given_rate)

    def _note(self, name: str, num_left_out: int | None, where: str) -> None:
        frames = "frame" if self.kept == 1 else f"{self.kept} frames"
        left_out = f"all that comes {where} them is"
        if num_left_out is not None:
            left_out = f"{num_left_out} frames {where} them ({num_left_out / self.frame_rate:g} s) are"
        self.cuts.append(
            f"`{name}` is longer than what is used of it, its {self.side} {frames} at {self.frame_rate:g} a second: "
            f"{left_out} left out; give a larger `num_frames` to use more."
        )


def _read_once(sampled: Iterable[TimedFrame], read: Callable[[Any], Any]) -> Iterable[Callable[[], Any]]:
    """What reads each frame when it is called; one that is there several times in a row is read once."""
    number, value = None, None

    def get(frame: TimedFrame) -> Any:
        nonlocal number, value
        if frame.number != number:
            number, value = frame.number, read(frame.picture())
        return value

    for frame in sampled:
        yield lambda frame=frame: get(frame)
