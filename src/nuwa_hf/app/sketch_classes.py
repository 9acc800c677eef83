# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The classes of a checkpoint's sketches, with names and colours, and paintings in these colours as class maps.

Letters: Y, X pixel rows, columns, C classes.
"""

import colorsys
import html
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import PIL.Image

from nuwa_hf.datasets import palette, sketch_class_names


@dataclass(frozen=True, eq=False)
class SketchClasses:
    """The classes of sketches.

    Args:
        names (`tuple[str, ...]`): of each class.
        palette (`np.ndarray` of shape `(C, 3)`): uint8, the colour of each.
    """

    names: tuple[str, ...]
    palette: np.ndarray

    @classmethod
    def of_count(cls, num_classes: int) -> "SketchClasses":
        """The classes of a checkpoint that knows so many: EmojiMotion's if the number is theirs, else numbers.

        Args:
            num_classes (`int`): from 1 to 256.

        Returns:
            `SketchClasses`: no two have the same colour.
        """
        if num_classes == len(sketch_class_names):
            return cls(sketch_class_names, palette)
        hues = [
            colorsys.hsv_to_rgb(k * 0.618 % 1, (1.0, 0.6)[k // 2 % 2], (1.0, 0.55)[k % 2]) for k in range(num_classes)
        ]
        colors = np.rint(255 * np.array(hues)).astype(np.uint8)
        return cls(tuple(f"class {k}" for k in range(num_classes)), colors)

    @property
    def hex_colors(self) -> list[str]:
        """The colours as a browser writes them."""
        return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in self.palette.tolist()]

    @property
    def legend(self) -> str:
        """The names beside their colours, as HTML."""
        swatch = "display:inline-block;width:1em;height:1em;border:1px solid #888;background:"
        entry = "display:inline-block;white-space:nowrap;margin-right:.8em"
        entries = (
            f'<span style="{entry}"><span style="{swatch}{color}"></span> {html.escape(name)}</span>'
            for name, color in zip(self.names, self.hex_colors, strict=True)
        )
        return f"<div>{' '.join(entries)}</div>"

    def class_map(self, painting: PIL.Image.Image, background: int, height: int, width: int) -> np.ndarray:
        """A painting as a class map: each pixel has the class that most of its part of the painting shows.

        Args:
            painting (`PIL.Image.Image`): of mode "RGBA", in the colours of the palette; edges may be soft.
            background (`int`): the class of what is transparent.
            height (`int`): rows of the class map.
            width (`int`): columns of the class map.

        Returns:
            `np.ndarray` of shape `(height, width)`: uint8.
        """
        side = max(1, min(8, painting.height // height, painting.width // width))
        size = (width * side, height * side)
        pixels = np.asarray(painting.convert("RGBA").resize(size, PIL.Image.Resampling.NEAREST)).astype(np.int32)
        distances = (((pixels[..., :3] - color) ** 2).sum(-1) for color in self.palette.astype(np.int32))
        classes_YX = np.where(pixels[..., 3] < 128, background, _largest(-distance for distance in distances))
        blocks = classes_YX.reshape(height, side, width, side)
        return _largest((blocks == k).sum((1, 3)) for k in range(len(self.names))).astype(np.uint8)


def _largest(planes: Iterable[np.ndarray]) -> np.ndarray:
    """The number of the plane that is largest at each place, the first of equals; one plane at a time is held."""
    best = largest = None
    for number, plane in enumerate(planes):
        if largest is None:
            best, largest = np.zeros(plane.shape, np.int64), plane
            continue
        best[plane > largest] = number
        largest = np.maximum(largest, plane)
    return best
