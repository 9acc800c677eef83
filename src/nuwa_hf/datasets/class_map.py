# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The classes of EmojiMotion's sketches, and the colours in which they are shown."""

import colorsys

import numpy as np

from .scenes import STUFF
from .sprites import CATEGORIES


sketch_class_names = (*CATEGORIES, *STUFF)
_STUFF_COLORS = (
    (40, 90, 30),
    (20, 40, 110),
    (120, 95, 50),
    (150, 160, 170),
    (60, 60, 60),
    (15, 15, 50),
    (90, 130, 170),
    (130, 70, 60),
)


def _make_palette() -> np.ndarray:
    count = len(CATEGORIES) - 1
    hues = [colorsys.hsv_to_rgb(k / count, 0.75 if k % 2 else 0.45, 1.0) for k in range(count)]
    colors = np.array([(0, 0, 0), *((255 * r, 255 * g, 255 * b) for r, g, b in hues), *_STUFF_COLORS], np.uint8)
    colors.flags.writeable = False
    return colors


palette = _make_palette()
