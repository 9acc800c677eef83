# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The motions of EmojiMotion: the track of a sprite through a clip, and whether it rolls or is mirrored."""

import math
from dataclasses import dataclass

import numpy as np

from .sprites import CATEGORIES


DIRECTIONS = {
    "right": (1, 0),
    "left": (-1, 0),
    "up": (0, -1),
    "down": (0, 1),
    "up_right": (1, -1),
    "up_left": (-1, -1),
    "down_right": (1, 1),
    "down_left": (-1, 1),
}
MOTIONS = (
    *DIRECTIONS,
    "clockwise",
    "counterclockwise",
    "bounce",
    "shake",
    "grow",
    "shrink",
    "spin",
    "appear",
    "disappear",
    "still",
)
# Motions that stay on the ground if a scene has one, and motions that need the full height of the frame.
GROUNDED = ("left", "right", "still", "spin", "shake")
UPRIGHT = ("up", "down", "bounce")
_BEAT = 4  # frames of one bounce or one shake
_ROLL_DEGREES = 300
_SPIN_DEGREES = 330
_ROLL_PROBABILITY = 0.6

_ROUND_CATEGORIES = ("ball or toy", "fruit")
_NOT_ROUND = (
    "teddy bear",
    "boxing glove",
    "trophy",
    "gift box",
    "bunch of grapes",
    "banana",
    "pineapple",
    "slice of watermelon",
)
_LEFT_FACING_CATEGORIES = ("animal", "sea animal", "vehicle")
_FRONT_FACING = ("koala", "panda", "lion", "tiger", "bear", "sled", "skateboard")


@dataclass(frozen=True)
class Room:
    """Where the centre of a sprite may be, in pixels, ends included: `left <= x <= right`, `top <= y <= bottom`."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Track:
    """A sprite in each of T frames; every array has the shape `(T,)`.

    Args:
        x (`np.ndarray`, float64): column of the centre of the sprite's square, in pixels.
        y (`np.ndarray`, float64): row of the centre.
        side (`np.ndarray`, int64): side of the square, in pixels.
        angle (`np.ndarray`, int64): degrees turned clockwise.
        opacity (`np.ndarray`, float64): 0 to 1.
    """

    x: np.ndarray
    y: np.ndarray
    side: np.ndarray
    angle: np.ndarray
    opacity: np.ndarray


def can_roll(noun: str, category: int, motion: str) -> bool:
    """Whether an object may roll: only round objects do, and only when they move straight to the left or right."""
    return motion in ("left", "right") and CATEGORIES[category] in _ROUND_CATEGORIES and noun not in _NOT_ROUND


def draw_rolls(noun: str, category: int, motion: str, rng: np.random.Generator) -> bool:
    """Draw whether an object rolls: never if it cannot, six times out of ten if it can."""
    return can_roll(noun, category, motion) and rng.random() < _ROLL_PROBABILITY


def is_mirrored(noun: str, category: int, motion: str) -> bool:
    """Whether the sprite is mirrored: emoji of animals and vehicles face left, so they turn around to go right."""
    goes_right = motion in DIRECTIONS and DIRECTIONS[motion][0] > 0
    return goes_right and CATEGORIES[category] in _LEFT_FACING_CATEGORIES and noun not in _FRONT_FACING


def plan_track(
    motion: str,
    rng: np.random.Generator,
    *,
    room: Room,
    side: int,
    num_frames: int,
    step: int = 1,
    rolls: bool = False,
    roll_step: int = 15,
) -> Track:
    """Draw a track.

    With a `step` of 1, sprites can be anywhere. With a larger `step`, the corner of the sprite's square stays on
    multiples of `step`, a straight motion has a constant speed of a whole number of steps per frame (or is spread
    evenly if the room is too short for that), and circles start at one of eight points. So there are only a few
    tracks, which are easier to learn.

    Args:
        motion (`str`): one of `MOTIONS`.
        rng (`np.random.Generator`): draws what the motion leaves open.
        room (`Room`): where the centre of the sprite may be; its ends are on the grid of `step`.
        side (`int`): side of the sprite's square, in pixels; a multiple of `step`.
        num_frames (`int`): frames of the clip, at least 2.
        step (`int`): the spacing of the grid of positions in pixels, defaults to 1.
        rolls (`bool`): whether a motion to the left or right also turns the sprite, defaults to False.
        roll_step (`int`): angles are multiples of this many degrees, defaults to 15.

    Returns:
        `Track`.

    Raises:
        ValueError: If `motion` is not one of `MOTIONS`.
    """
    if motion not in MOTIONS:
        raise ValueError(f"`motion` must be one of {', '.join(MOTIONS)}, got {motion!r}; choose one of them.")
    time = np.linspace(0, 1, num_frames)
    frame = np.arange(num_frames)
    x = np.full(num_frames, rng.uniform(room.left, room.right))
    y = np.full(num_frames, rng.uniform(room.top, room.bottom))
    sides, angle, opacity = np.full(num_frames, side), np.zeros(num_frames), np.ones(num_frames)
    wide, high = room.right - room.left, room.bottom - room.top
    if motion in DIRECTIONS:
        right, down = DIRECTIONS[motion]
        share = rng.uniform(0.72, 1.0)
        if right:
            x = _straight(rng, room.left, room.right, share, num_frames, step)[::right]
        if down:
            y = _straight(rng, room.top, room.bottom, share, num_frames, step)[::down]
        if rolls:
            angle = right * _ROLL_DEGREES * time
    elif motion in ("clockwise", "counterclockwise"):
        radius = min(wide, high) / 2 * rng.uniform(0.85, 1.0)
        start = rng.integers(8) / 8 if step > 1 else rng.random()
        turn = 2 * np.pi * (start + (1 if motion == "clockwise" else -1) * frame / num_frames)
        x = rng.uniform(room.left + radius, room.right - radius) + radius * np.cos(turn)
        y = rng.uniform(room.top + radius, room.bottom - radius) + radius * np.sin(turn)
    elif motion == "bounce":
        beat = (frame + rng.integers(_BEAT)) % _BEAT / _BEAT
        # At least four steps high if there is room, so that no two neighbouring frames fall on the same position.
        height = max(high * rng.uniform(0.7, 1.0), min(high, 4 * step))
        y = room.bottom - height * 4 * beat * (1 - beat)
    elif motion == "shake":
        reach = min(wide / 2, max(step, side * rng.uniform(0.2, 0.32)))
        first = rng.integers(2) / 2
        middle = rng.uniform(room.left + reach, room.right - reach)
        x = middle + reach * np.sin(2 * np.pi * (frame / _BEAT + first))
    elif motion in ("grow", "shrink"):
        factor = np.linspace(0.45, 1.25, num_frames)[:: 1 if motion == "grow" else -1]
        # Sides change by two steps, so that the centre stays on the grid, and never outgrow the room.
        unit = 2 * step
        largest = side + unit * math.floor(min(wide, high) / unit)
        sides = np.clip(unit * np.rint(side * factor / unit), unit, largest).astype(int)
        spare = max(0, sides.max() - side) / 2
        x = np.clip(x, room.left + spare, room.right - spare)
        y = np.clip(y, room.top + spare, room.bottom - spare)
    elif motion == "spin":
        angle = (1 if rng.random() < 0.5 else -1) * _SPIN_DEGREES * time
    elif motion == "appear":
        opacity = np.clip((time - 0.05) * 1.3, 0, 1)
    elif motion == "disappear":
        opacity = np.clip((0.95 - time) * 1.3, 0, 1)
    return Track(
        x=_snap_corner(x, sides, step),
        y=_snap_corner(y, sides, step),
        side=sides,
        angle=(np.rint(angle / roll_step) * roll_step).astype(int) % 360,
        opacity=opacity,
    )


def _straight(rng, low, high, share, num_frames, step):
    """Evenly spaced, rising positions between `low` and `high`, over `share` of the way or a whole number of steps."""
    fastest = math.floor((high - low) / (num_frames - 1) / step)
    if step > 1 and fastest >= 1:
        span = step * int(rng.integers(1, fastest + 1)) * (num_frames - 1)
        start = low + step * int(rng.integers(math.floor((high - low - span) / step) + 1))
    else:
        span = (high - low) * (share if step == 1 else 1.0)
        start = rng.uniform(low, high - span)
    return start + span * np.linspace(0, 1, num_frames)


def _snap_corner(middle, sides, step):
    """Move the centres so that the corners of the squares lie on multiples of `step`."""
    # Rounded half up: numpy's half-to-even would make an even advance uneven.
    return np.floor((middle - sides / 2) / step + 0.5) * step + sides / 2
