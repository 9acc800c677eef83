# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The captions of EmojiMotion: they say in varying words what a clip shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .sprites import CATEGORIES


DIRECTION_PHRASES = {
    "right": ("to the right", "from left to right", "rightwards"),
    "left": ("to the left", "from right to left", "leftwards"),
    "up": ("up", "upwards", "from the bottom to the top"),
    "down": ("down", "downwards", "from the top to the bottom"),
    "up_right": ("to the upper right", "up and to the right"),
    "up_left": ("to the upper left", "up and to the left"),
    "down_right": ("to the lower right", "down and to the right"),
    "down_left": ("to the lower left", "down and to the left"),
    "clockwise": ("in a clockwise circle", "clockwise in a circle"),
    "counterclockwise": ("in a counterclockwise circle", "counterclockwise in a circle"),
}
# Each verb in two forms: "a cat <moves>" and "a cat is <moving>".
WHOLE_PHRASES = {
    "bounce": (("bounces up and down", "bouncing up and down"), ("jumps up and down", "jumping up and down")),
    "shake": (
        ("shakes from side to side", "shaking from side to side"),
        ("swings left and right", "swinging left and right"),
    ),
    "grow": (("grows bigger", "growing bigger"), ("gets larger", "getting larger"), ("comes closer", "coming closer")),
    "shrink": (("shrinks", "shrinking"), ("gets smaller", "getting smaller"), ("moves far away", "moving far away")),
    "spin": (("spins around", "spinning around"), ("rotates", "rotating")),
    "appear": (("appears", "appearing"), ("fades in", "fading in")),
    "disappear": (("disappears", "disappearing"), ("fades out", "fading out")),
    "still": (("stays still", "staying still"), ("does not move", "standing still")),
}
PLACE_PHRASES = {
    "grass": ("on the grass", "in a green field"),
    "sea": ("over the sea", "on the blue ocean"),
    "desert": ("in the desert", "on the sand"),
    "snow": ("in the snow", "on snowy ground"),
    "road": ("on the road", "on a gray street"),
    "night": ("in the night sky", "under the stars"),
    "sky": ("in the blue sky", "among the clouds"),
    "sunset": ("at sunset", "in front of a sunset"),
}
_FLYING_CATEGORIES = ("bird", "craft", "sky thing")
_FLYING_BUGS = ("butterfly", "bee", "bat", "ladybug")
_FLIGHTLESS = ("penguin", "rooster", "chick", "turkey")
_SAILING = ("sailboat", "canoe", "speedboat", "ship")


@dataclass(frozen=True)
class Deed:
    """What one sprite of a clip is and does.

    Args:
        noun (`str`): its noun.
        category (`int`): its category, 1 to 16.
        motion (`str`): one of the motions.
        rolls (`bool`): whether it turns while it moves to the left or right.
    """

    noun: str
    category: int
    motion: str
    rolls: bool


def with_article(noun: str) -> str:
    """The noun with its indefinite article: "an orange", "a unicorn"."""
    vowel = noun[0] in "aeiouAEIOU" and not noun.startswith(("uni", "one"))
    return f"{'an' if vowel else 'a'} {noun}"


def place_phrases(background: str) -> tuple[str, ...]:
    """All phrases by which a caption may name a background."""
    if background in PLACE_PHRASES:
        return PLACE_PHRASES[background]
    wall = with_article(background)
    return f"on {wall} background", f"in front of {wall} wall", f"against {background}"


def verb_phrases(deed: Deed) -> tuple[tuple[str, str], ...]:
    """All verbs that fit a deed, in both forms; a more likely one is listed more than once."""
    noun, category, motion = deed.noun, CATEGORIES[deed.category], deed.motion
    if motion in WHOLE_PHRASES:
        return WHOLE_PHRASES[motion]
    if deed.rolls:
        return (("rolls", "rolling"),)
    verbs = [("moves", "moving"), ("moves", "moving"), ("slides", "sliding"), ("goes", "going")]
    if noun in _SAILING:
        verbs += 3 * [("sails", "sailing")]
    elif category == "sea animal":
        verbs += 3 * [("swims", "swimming")]
    elif (category in _FLYING_CATEGORIES and noun not in _FLIGHTLESS) or noun in _FLYING_BUGS:
        verbs += 3 * [("flies", "flying")]
    elif category == "vehicle" and motion in ("left", "right"):
        verbs += 3 * [("drives", "driving")]
    elif category == "animal" and motion in ("left", "right"):
        verbs += [("runs", "running"), ("walks", "walking"), ("walks", "walking")]
    elif category == "bug":
        verbs += 2 * [("crawls", "crawling")]
    if motion == "up":
        verbs.append(("rises", "rising"))
    if motion == "down":
        verbs.append(("falls", "falling"))
    return tuple(verbs)


def clip_caption(deeds: Sequence[Deed], place: str, rng: np.random.Generator) -> str:
    """Draw a caption of a clip.

    Args:
        deeds (`Sequence[Deed]`): one or two deeds.
        place (`str`): one of the phrases of `place_phrases`.
        rng (`np.random.Generator`): draws the words and their order.

    Returns:
        `str`: for example "a red apple rolls to the left on the grass".
    """
    form = int(rng.integers(4))
    tellings = []
    for deed in deeds:
        verbs = verb_phrases(deed)
        simple, progressive = verbs[rng.integers(len(verbs))]
        tail = ""
        if deed.motion in DIRECTION_PHRASES:
            phrases = DIRECTION_PHRASES[deed.motion]
            tail = f" {phrases[rng.integers(len(phrases))]}"
        # "a cat is running", or the short form of a picture's title, "a cat running"; two short forms read badly.
        verb = {1: f"is {progressive}", 3: progressive if len(deeds) == 1 else simple}.get(form, simple)
        tellings.append(f"{with_article(deed.noun)} {verb}{tail}")
    story = (" and " if rng.random() < 0.5 else " while ").join(tellings)
    return f"{place}, {story}" if form == 2 else f"{story} {place}"


def image_caption(nouns: Sequence[str], place: str, rng: np.random.Generator) -> str:
    """Draw a caption of one frame.

    Args:
        nouns (`Sequence[str]`): the objects that are visible in it, possibly none.
        place (`str`): one of the phrases of `place_phrases`.
        rng (`np.random.Generator`): draws the form.

    Returns:
        `str`: for example "a red apple on the grass".
    """
    things = " and ".join(with_article(noun) for noun in nouns) or "an empty scene"
    return f"{things} {place}" if rng.random() < 0.5 else f"a picture of {things} {place}"
