# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Random parts of the frames as further samples, against learning a few clips by heart."""

import random
from dataclasses import dataclass

from nuwa_hf.media.resizing import Box, middle_box


@dataclass(frozen=True)
class RandomCrops:
    """Which parts of its frames a sample is made of; by default the middle alone.

    Frames are never mirrored: a caption may say left or right.

    Args:
        crops_per_clip (`int`, defaults to 1): samples that each window of a clip gives. The first has the middle of
            the frames, the others a part of random size at a random place, the same in all frames.
        crop_scale (`float`, defaults to 0.8): the least width of a part as a share of the largest that fits, above 0
            and at most 1.
        seed (`int`, defaults to 0): of sizes and places.

    Raises:
        ValueError: If a number is out of range.
    """

    crops_per_clip: int = 1
    crop_scale: float = 0.8
    seed: int = 0

    def __post_init__(self):
        if self.crops_per_clip < 1:
            raise ValueError(f"`crops_per_clip` must be at least 1, got {self.crops_per_clip}; the default is 1.")
        if not 0 < self.crop_scale <= 1:
            raise ValueError(f"`crop_scale` must lie above 0 and at most be 1, got {self.crop_scale}; use 0.8.")

    @property
    def is_middle_only(self) -> bool:
        """Whether each window gives one sample."""
        return self.crops_per_clip == 1

    def boxes(self, number: int, window: int, rows: int, columns: int, height: int, width: int) -> list[Box]:
        """The parts of the frames of one window, a pure function of the arguments.

        Args:
            number (`int`): the clip's row in the data set.
            window (`int`): which window of it.
            rows (`int`): of the frames, in pixels.
            columns (`int`): of the frames, in pixels.
            height (`int`): the parts' aspect, height.
            width (`int`): the parts' aspect, width.

        Returns:
            `list[Box]`: of `crops_per_clip` parts, all within the frames.
        """
        middle = middle_box(rows, columns, height, width)
        draw = random.Random(f"{self.seed} {number} {window}")
        boxes = [middle]
        for _ in range(1, self.crops_per_clip):
            scale = draw.uniform(self.crop_scale, 1)
            box_columns, box_rows = scale * (middle[2] - middle[0]), scale * (middle[3] - middle[1])
            left, top = draw.random() * (columns - box_columns), draw.random() * (rows - box_rows)
            boxes.append((left, top, left + box_columns, top + box_rows))
        return boxes
