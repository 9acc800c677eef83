# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How much a visitor of the app may ask for."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from nuwa_hf.pipelines.checks import check_whole_number


MAX_FRAMES = 24  # unless a checkpoint makes more at once


@dataclass(frozen=True)
class AppLimits:
    """How much a visitor of the app may ask for, and how many may wait.

    Args:
        max_frames (`int`, *optional*): frames of a video, with those given; by default 24, or as many as the
            checkpoint makes by default if these are more.
        max_results (`int`, *optional*, defaults to 4): images or videos of one request.
        max_candidates (`int`, *optional*, defaults to 8): candidates of each of them.
        max_upload (`int`, *optional*, defaults to 16): megabytes of a file.
        max_seconds (`int`, *optional*, defaults to 300): how long a request may take, from its turn on.
        max_waiting (`int`, *optional*, defaults to 16): requests that wait for their turn.
        max_text (`int`, *optional*, defaults to 1000): letters of a text.
        max_scale (`int`, *optional*, defaults to 8): factor by which results are enlarged.

    Raises:
        TypeError: If a number is no whole number.
        ValueError: If it is below 1.
    """

    max_frames: int | None = None
    max_results: int = 4
    max_candidates: int = 8
    max_upload: int = 16
    max_seconds: int = 300
    max_waiting: int = 16
    max_text: int = 1000
    max_scale: int = 8

    def __post_init__(self):
        for one in fields(self):
            if getattr(self, one.name) is not None or one.default is not None:
                check_whole_number(one.name, getattr(self, one.name))

    def for_checkpoints(self, num_frames: Iterable[int]) -> "AppLimits":
        """The limits where checkpoints make so many frames by default.

        Args:
            num_frames (`Iterable[int]`): of each checkpoint.

        Returns:
            `AppLimits`: with a number for `max_frames`.
        """
        return replace(self, max_frames=max(MAX_FRAMES, *num_frames)) if self.max_frames is None else self

    def largest(self, name: str) -> int | None:
        """The largest value of a number that a visitor gives.

        Args:
            name (`str`): its name in the pipeline's call.

        Returns:
            `int`, or None if nothing bounds it here.
        """
        return {
            "num_frames": self.max_frames,
            "num_images_per_prompt": self.max_results,
            "num_videos_per_prompt": self.max_results,
            "num_candidates": self.max_candidates,
            "scale": self.max_scale,
        }.get(name)
