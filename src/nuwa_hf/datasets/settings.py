# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The settings of EmojiMotion: which objects, motions and backgrounds there are, and how freely objects move."""

from dataclasses import dataclass, replace

from .motions import MOTIONS
from .scenes import BACKGROUNDS


@dataclass(frozen=True)
class EmojiMotionSetting:
    """The world that EmojiMotion samples are drawn from. The defaults are the named setting "large".

    Args:
        objects (`tuple[str, ...]`, *optional*): nouns of the sprites to use; None means every sprite of the pack.
        motions (`tuple[str, ...]`): the motions to use.
        backgrounds (`tuple[str, ...]`): the backgrounds to use.
        size (`int`): side of the frames in pixels, a multiple of `position_step`, defaults to 64.
        num_frames (`int`): frames of a clip, at least 2, defaults to 8.
        position_step (`int`): corners of sprites lie on multiples of this many pixels, defaults to 1: anywhere.
        sprite_size (`int`, *optional*): side of every sprite in pixels, a multiple of `2 * position_step` and at most
            half of `size`. None draws a side for each sprite (a third to a half of the frame), which requires a
            `position_step` of 1.
        two_objects (`float`): probability that a clip shows two objects, defaults to 0.25.
        stuff (`bool`): whether sketches label ground and sky (classes 17 to 24), defaults to True.
        roll_step (`int`): sprites turn by multiples of this many degrees, a divisor of 360, defaults to 15.
        calm_scenes (`bool`): whether backgrounds vary little: flat horizons on multiples of `position_step`, no
            clouds, no change of colour or light. Small codecs need this. Defaults to False.

    Raises:
        ValueError: If a value breaks one of these rules.
    """

    objects: tuple[str, ...] | None = None
    motions: tuple[str, ...] = MOTIONS
    backgrounds: tuple[str, ...] = BACKGROUNDS
    size: int = 64
    num_frames: int = 8
    position_step: int = 1
    sprite_size: int | None = None
    two_objects: float = 0.25
    stuff: bool = True
    roll_step: int = 15
    calm_scenes: bool = False

    def __post_init__(self):
        check_names("motions", self.motions, MOTIONS)
        check_names("backgrounds", self.backgrounds, BACKGROUNDS)
        if self.num_frames < 2:
            raise ValueError(f"`num_frames` must be at least 2, got {self.num_frames}; motion needs two frames.")
        if self.position_step < 1:
            raise ValueError(f"`position_step` must be at least 1, got {self.position_step}; 1 leaves places free.")
        if self.size < 16 or self.size % self.position_step:
            raise ValueError(
                f"`size` must be at least 16 and a multiple of `position_step` {self.position_step}, got {self.size}; "
                "use for example 64."
            )
        if self.sprite_size is None and self.position_step > 1:
            raise ValueError(
                f"`sprite_size` must be given with a `position_step` of {self.position_step}; use for example "
                f"{2 * self.position_step}."
            )
        if self.sprite_size is not None and (
            self.sprite_size < 8 or self.sprite_size % (2 * self.position_step) or 2 * self.sprite_size > self.size
        ):
            raise ValueError(
                f"`sprite_size` must be at least 8, a multiple of {2 * self.position_step} (twice the "
                f"`position_step`) and at most {self.size // 2} (half the frame), got {self.sprite_size}."
            )
        if not 0.0 <= self.two_objects <= 1.0:
            raise ValueError(f"`two_objects` must be a probability from 0 to 1, got {self.two_objects}.")
        if self.roll_step < 1 or 360 % self.roll_step:
            raise ValueError(f"`roll_step` must divide 360 degrees, got {self.roll_step}; use for example 15 or 60.")


def check_names(argument: str, given: tuple[str, ...], known: tuple[str, ...]):
    """Check that a choice of names is not empty and has neither unknown nor repeated names.

    Args:
        argument (`str`): the name of the choice in the error.
        given (`tuple[str, ...]`): the choice.
        known (`tuple[str, ...]`): the names to choose from.

    Raises:
        ValueError: If the choice is empty or has an unknown or repeated name.
    """
    unknown = [name for name in given if name not in known]
    if unknown:
        choices = ", ".join(known) if len(known) <= 20 else f"{', '.join(known[:20])} and {len(known) - 20} more"
        raise ValueError(f"`{argument}` must be names among {choices}; got the unknown {unknown}; replace them.")
    if not given or len(set(given)) != len(given):
        raise ValueError(f"`{argument}` must be at least one name, none of them twice, got {given}.")


_SMALL = EmojiMotionSetting(
    objects=(
        *("red apple", "banana", "pineapple", "strawberry", "soccer ball", "basketball", "car", "bus"),
        *("sailboat", "rocket", "dog", "cat", "pig", "frog", "panda", "penguin", "whale", "butterfly"),
        *("star", "red heart", "robot", "ghost", "mushroom", "gift box"),
    ),
    motions=("right", "left", "up", "down", "bounce", "clockwise"),
    backgrounds=("grass", "sea", "desert", "snow", "sunset", "blue"),
    num_frames=6,
    position_step=4,
    sprite_size=24,
    two_objects=0.15,
    roll_step=60,
    calm_scenes=True,
)
SETTINGS = {
    "large": EmojiMotionSetting(),
    "small": _SMALL,
    # The same clips, drawn twice as large.
    "small-128": replace(
        _SMALL, size=2 * _SMALL.size, position_step=2 * _SMALL.position_step, sprite_size=2 * _SMALL.sprite_size
    ),
}
