# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files as frames of one size, or as they are."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from nuwa_hf.media.colors import to_rgb
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_sampling import TimedFrame, check_frame_rate
from nuwa_hf.media.limits import MAX_CLIP_FRAMES
from nuwa_hf.media.resizing import fit_picture
from nuwa_hf.media.sources import open_media
from nuwa_hf.training.run.run_arguments import require


@dataclass(frozen=True)
class FrameSize:
    """How the files of a folder are read; None leaves something as it is.

    Args:
        height (`int`, *optional*): rows of the frames; given with the width.
        width (`int`, *optional*): columns of the frames.
        num_frames (`int`, *optional*): the first frames of a clip; by default all.
        frame_rate (`float`, *optional*): frames a second, given with `num_frames`; by default each frame of the file
            is one, whatever its time.
    """

    height: int | None = None
    width: int | None = None
    num_frames: int | None = None
    frame_rate: float | None = None

    def __post_init__(self):
        for name in ("height", "width", "num_frames"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, "at least 1", value, "leave it out")
        both = (self.height is None) == (self.width is None)
        require(both, "height", "given with `width`", (self.height, self.width), "give both or neither")
        if self.frame_rate is not None:
            check_frame_rate(self.frame_rate)
            require(self.num_frames is not None, "num_frames", "given with `frame_rate`", None, "give both")

    def read(self, source: Any) -> np.ndarray:
        """The pixels of a file.

        Args:
            source: what `open_media` takes.

        Returns:
            `np.ndarray` of shape `(T, Y, X, 3)`, uint8.

        Raises:
            BrokenMediaError: If it cannot be decoded, is too short, or its frames differ in size.
        """
        with open_media(source) as media:
            if self.frame_rate is None:
                taken = islice(media.frames(), self.num_frames or MAX_CLIP_FRAMES + 1)
            else:
                taken = media.window(frame_rate=self.frame_rate, num_frames=self.num_frames)
            frames = [self._pixels(frame) for frame in taken]
        if self.num_frames is None and len(frames) > MAX_CLIP_FRAMES:
            raise BrokenMediaError(f"has more than {MAX_CLIP_FRAMES} frames")
        if self.num_frames is not None and len(frames) < self.num_frames:
            raise BrokenMediaError(f"has {len(frames)} frames where {self.num_frames} are asked for")
        if len({frame.shape for frame in frames}) > 1:
            raise BrokenMediaError("has frames of several sizes")
        return np.stack(frames)

    def _pixels(self, frame: TimedFrame) -> np.ndarray:
        picture = frame.picture()
        if self.height is None:
            return np.array(to_rgb(picture))
        return fit_picture(picture, self.height, self.width)
