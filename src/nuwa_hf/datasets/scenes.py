# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The backgrounds of EmojiMotion, painted with a few formulas and smooth on purpose: a few tokens should suffice."""

import math
from functools import lru_cache

import numpy as np

from .sprites import CATEGORIES


PLAIN_COLORS = {
    "white": (245, 245, 245),
    "black": (18, 18, 20),
    "red": (205, 45, 45),
    "orange": (240, 140, 40),
    "yellow": (245, 215, 70),
    "green": (60, 160, 80),
    "blue": (50, 100, 210),
    "purple": (130, 70, 180),
    "pink": (245, 160, 190),
    "gray": (135, 135, 140),
}
# Colours of the sky (top, bottom) and of the ground (top, bottom), and the sketch class of the ground.
GROUND_SCENES = {
    "grass": (((120, 190, 245), (205, 232, 250)), ((95, 180, 70), (50, 130, 45)), "grass"),
    "sea": (((140, 205, 245), (215, 235, 250)), ((40, 120, 200), (15, 65, 150)), "water"),
    "desert": (((130, 195, 240), (245, 225, 190)), ((235, 200, 130), (205, 160, 90)), "sand"),
    "snow": (((150, 185, 220), (215, 228, 240)), ((245, 248, 252), (222, 230, 242)), "snow"),
    "road": (((170, 200, 225), (220, 228, 235)), ((98, 98, 104), (70, 70, 76)), "road"),
}
SKY_SCENES = {"night": "night sky", "sky": "sky", "sunset": "dusk"}
BACKGROUNDS = (*GROUND_SCENES, *SKY_SCENES, *PLAIN_COLORS)
STUFF = ("grass", "water", "sand", "snow", "road", "night sky", "sky", "dusk")
_STUFF_CLASS = {name: len(CATEGORIES) + k for k, name in enumerate(STUFF)}


def paint_scene(name: str, rng: np.random.Generator, *, size: int, calm_step: int | None = None):
    """Paint one background.

    A calm scene is made for small codecs: horizons, suns and stars lie on a grid of `calm_step` pixels, the ground is
    flat, the colours never vary, and there are no clouds, except for the one cloud of the scene "sky".

    Args:
        name (`str`): one of `BACKGROUNDS`.
        rng (`np.random.Generator`): draws what varies within the scene.
        size (`int`): side of the frame in pixels.
        calm_step (`int`, *optional*): paint a calm scene on a grid of this many pixels.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: the picture, uint8 of shape `(size, size, 3)`, and its sketch classes, uint8
        of shape `(size, size)`: 0 on a plain wall, 17 to 24 for the eight names of `STUFF`.

    Raises:
        ValueError: If `name` is not one of `BACKGROUNDS`.
    """
    if name in PLAIN_COLORS:
        picture, classes = _paint_wall(name, rng, size, calm_step)
    elif name in SKY_SCENES:
        picture, classes = _paint_sky(name, rng, size, calm_step)
    elif name in GROUND_SCENES:
        picture, classes = _paint_ground(name, rng, size, calm_step)
    else:
        raise ValueError(f"`name` must be one of {', '.join(BACKGROUNDS)}, got {name!r}; choose one of them.")
    return np.clip(picture, 0, 255).astype(np.uint8), classes


def _paint_wall(name, rng, size, calm_step):
    y, x = _pixel_centers(size)
    picture = np.empty((size, size, 3), np.float32)
    picture[:] = PLAIN_COLORS[name]
    if calm_step is None:
        picture += rng.uniform(-12, 12, 3).astype(np.float32)
        if rng.random() < 0.5:  # a soft light from one side
            picture += (rng.uniform(-14, 14) * (x - 0.5) + rng.uniform(-14, 14) * (y - 0.5))[..., None]
    return picture, np.zeros((size, size), np.uint8)


def _paint_sky(name, rng, size, calm_step):
    y, x = _pixel_centers(size)
    if name == "night":
        picture = _ramp(y, (8, 10, 38), (30, 34, 84))
        star = max(2, size // 32)  # stars two pixels wide survive an f8 codec
        for _ in range(rng.integers(5, 9)):
            i, j = (round(_draw(rng, 0.05, 0.92, size, calm_step) * size) for _ in range(2))
            picture[i : i + star, j : j + star] = (235, 235, 200)
    elif name == "sky":
        picture = _ramp(y, (85, 160, 235), (190, 225, 250))
        for _ in range(1 if calm_step else rng.integers(1, 4)):
            _add_cloud(picture, rng, size, calm_step, lowest=0.9)
    else:
        picture = _ramp(y**1.2, (95, 60, 130), (255, 150, 70))
        distance = np.hypot(x - _draw(rng, 0.2, 0.8, size, calm_step), y - 0.8125)
        sun = np.clip((0.11 - distance) * 30, 0, 1)[..., None]
        picture = picture * (1 - sun) + np.array((255, 225, 120), np.float32) * sun
    return picture, np.full((size, size), _STUFF_CLASS[SKY_SCENES[name]], np.uint8)


def _paint_ground(name, rng, size, calm_step):
    y, x = _pixel_centers(size)
    sky_colors, ground_colors, ground_class = GROUND_SCENES[name]
    horizon = _draw(rng, 0.34, 0.5, size, calm_step)
    sky = _ramp(y / horizon, *sky_colors)
    ground = _ramp((y - horizon) / (1 - horizon), *ground_colors)
    line = horizon
    if name in ("grass", "desert", "snow") and calm_step is None:
        hills = np.sin(2 * np.pi * (x * rng.uniform(0.6, 1.4) + rng.random()))
        line = horizon + rng.uniform(0.02, 0.05) * hills
    if name == "sea":
        phase = 0.0 if calm_step else rng.random()
        ground += 7 * np.sin(2 * np.pi * ((y - horizon) * 7 + 0.6 * np.sin(2 * np.pi * (x + phase))))[..., None]
    if name == "road":
        phase = 0.0 if calm_step else rng.random()
        middle = horizon + (1 - horizon) * 0.55
        ground[(np.abs(y - middle) < 0.025) & ((x * 3 + phase) % 1 < 0.55)] = (240, 220, 120)
    if name != "road" and calm_step is None and rng.random() < 0.5:
        _add_cloud(sky, rng, size, calm_step, lowest=horizon * 0.75)
    below = np.clip((y - line) * size + 0.5, 0, 1)[..., None]
    classes = np.where(below[..., 0] > 0.5, _STUFF_CLASS[ground_class], _STUFF_CLASS["sky"]).astype(np.uint8)
    return sky * (1 - below) + ground * below, classes


def _add_cloud(picture, rng, size, calm_step, lowest):
    y, x = _pixel_centers(size)
    middle_x = _draw(rng, 0.1, 0.9, size, calm_step)
    middle_y = _draw(rng, 0.08, max(0.1, lowest), size, calm_step)
    radius = 0.11 if calm_step else rng.uniform(0.08, 0.14)
    cloud = np.zeros_like(x)
    for shift, puff in ((-0.8, 0.7), (0.0, 1.0), (0.8, 0.65)):
        square = ((x - middle_x - shift * radius) / (radius * puff * 1.1)) ** 2
        square += ((y - middle_y) / (radius * puff * 0.7)) ** 2
        np.maximum(cloud, np.clip((1.15 - square) * 3, 0, 1), out=cloud)
    cloud = 0.9 * cloud[..., None]
    picture *= 1 - cloud
    picture += 248 * cloud


def _draw(rng, low, high, size, calm_step):
    """A position between `low` and `high`, as a fraction of the frame, on the grid of `calm_step` pixels if given."""
    if calm_step is None:
        return rng.uniform(low, high)
    first = math.ceil(low * size / calm_step)
    return calm_step * int(rng.integers(first, max(first, math.floor(high * size / calm_step)) + 1)) / size


@lru_cache(maxsize=8)
def _pixel_centers(size):
    y, x = (np.mgrid[0:size, 0:size].astype(np.float32) + 0.5) / size
    return y, x


def _ramp(position, start, end):
    start, end = np.asarray(start, np.float32), np.asarray(end, np.float32)
    return start + (end - start) * np.clip(position, 0, 1)[..., None]
