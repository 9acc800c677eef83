# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Streams that one sampler makes in turns, a frame of each at a time."""

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from nuwa_hf.pipelines.pipeline_base import NuwaPipelineBase
from nuwa_hf.pipelines.streaming import CheckedStream, Frame


FRAMES_AHEAD = 4  # frames that are made before they are asked for


class SharedStream(Iterator[Frame]):
    """The frames of one stream of a `NuwaSampler`, from the one who asks for them.

    A few frames are made ahead; then the sampler waits until one is taken. A stream that is closed, or that nobody
    holds any longer, is not continued.

    Args:
        changed (`threading.Condition`): guards the state, and tells the sampler's thread that a frame was taken.
    """

    def __init__(self, changed: threading.Condition):
        self._changed = changed
        self._frames: deque[Frame] = deque()
        self._end: BaseException | None = None

    def __next__(self) -> Frame:
        with self._changed:
            while not self._frames:
                if self._end is not None:
                    raise self._end
                self._changed.wait()
            self._changed.notify_all()
            return self._frames.popleft()

    def close(self) -> None:
        """Ask for no more frames."""
        with self._changed:
            self._frames.clear()
            self.end(StopIteration())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_ended(self) -> bool:
        """Whether no further frame will be made."""
        return self._end is not None

    @property
    def wants_frame(self) -> bool:
        """Whether there is room for a frame."""
        return not self.is_ended and len(self._frames) < FRAMES_AHEAD

    def put(self, frame: Frame) -> None:
        """Hand over a frame; one that comes after the end is dropped.

        Args:
            frame (`Frame`): it.
        """
        with self._changed:
            if not self.is_ended:
                self._frames.append(frame)
                self._changed.notify_all()

    def end(self, reason: BaseException) -> None:
        """Say that no further frame comes. Only the first reason counts.

        Args:
            reason (`BaseException`): what asking for one raises: `StopIteration` at the end of the video.
        """
        with self._changed:
            if not self.is_ended:
                self._end = reason
                self._changed.notify_all()


class StreamInTurn:
    """What the sampler keeps of a stream: how to make its next frame, and, weakly, who asks for it.

    Args:
        pipeline (`NuwaPipelineBase`): what makes the frames.
        stream (`CheckedStream`): what they are of.
        asked_by (`SharedStream`): who gets them.
    """

    def __init__(self, pipeline: NuwaPipelineBase, stream: CheckedStream, asked_by: SharedStream):
        self.pipeline, self.stream = pipeline, stream
        self._asked_by = weakref.ref(asked_by)
        self._frames: Iterator[Frame] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nobody asks for a further frame."""
        asked_by = self._asked_by()
        return asked_by is None or asked_by.is_ended

    @property
    def wants_frame(self) -> bool:
        """Whether it is this stream's turn as soon as the sampler has time."""
        asked_by = self._asked_by()
        return asked_by is not None and asked_by.wants_frame

    def make_frame(self) -> None:
        """Make the next frame. Whatever goes wrong, only this stream says so."""
        try:
            if self._frames is None:
                self._frames = self.pipeline.run_checked_stream(self.stream)
            frame = next(self._frames)
        except BaseException as reason:
            self.end(reason)
            return
        asked_by = self._asked_by()
        if asked_by is not None:
            asked_by.put(frame)

    def end(self, reason: BaseException) -> None:
        """Make no further frame.

        Args:
            reason (`BaseException`): what asking for one raises.
        """
        asked_by = self._asked_by()
        if asked_by is not None:
            asked_by.end(reason)
