# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Captions that ask for something other than a sample shows, another thing or another motion, with their truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.datasets.captions import Deed, clip_caption, place_phrases, with_article
from nuwa_hf.datasets.motions import DIRECTIONS, draw_rolls


# The room that a straight motion needs ahead of the thing, as a share of the frame.
ROOM = 0.3
Row = Mapping[str, Any]


@dataclass(frozen=True)
class ChangedSamples:
    """The samples of a set that can be changed, and what is asked for.

    Args:
        places (`list[int]`): which samples of the set these are, in order.
        prompts (`list[str]`): the caption to ask for, for each of them.
        rows (`list[dict]`): their rows with the truth of these captions in place of their own.
    """

    places: list[int]
    prompts: list[str]
    rows: list[dict[str, Any]]


def another_thing(row: Row, dataset: EmojiMotion, seed: int) -> dict[str, Any] | None:
    """The row of a sample whose still is asked to show another thing.

    Args:
        row (`Mapping`): a sample of the data set.
        dataset (`nuwa_hf.datasets.EmojiMotion`): where it comes from.
        seed (`int`): draws the other thing.

    Returns:
        `dict` or `None`: with the noun of the other thing in `image_caption`; `None` for a sample with two things or
        with none on its still, or if there is no other thing.
    """
    if len(row["objects"]) != 1 or len(dataset.object_names) < 2:
        return None
    old = row["object_ids"][0]
    new = int(np.random.default_rng(seed).integers(len(dataset.object_names) - 1))
    new += new >= old
    noun = dataset.object_names[new]
    caption = row["image_caption"].replace(with_article(row["objects"][0]), with_article(noun), 1)
    if caption == row["image_caption"]:
        return None
    category = int(dataset.pack.categories[dataset.pack.nouns.index(noun)])
    changes = {"objects": (noun,), "object_ids": (new,), "categories": (category,)}
    return {**row, **changes, "image_caption": caption}


def another_motion(row: Row, dataset: EmojiMotion, seed: int) -> dict[str, Any] | None:
    """The row of a clip that is asked to show another straight motion, which occurs for the thing in this split and
    for which there is room.

    Args:
        row (`Mapping`): a sample of the data set.
        dataset (`nuwa_hf.datasets.EmojiMotion`): where it comes from.
        seed (`int`): draws the motion and the words.

    Returns:
        `dict` or `None`: with another `caption`; `None` for a sample with two things, or where no other motion is
        possible.
    """
    if len(row["objects"]) != 1:
        return None
    noun = row["objects"][0]
    x, y, side = row["track"][0, 0]
    possible = [
        motion
        for motion, (right, down) in DIRECTIONS.items()
        if (noun, motion) in dataset.pairs
        and motion != row["motions"][0]
        and has_room(x, right, side)
        and has_room(y, down, side)
    ]
    if not possible:
        return None
    rng = np.random.default_rng(seed)
    motion = possible[rng.integers(len(possible))]
    places, category = place_phrases(row["background"]), row["categories"][0]
    deed = Deed(noun, category, motion, draw_rolls(noun, category, motion, rng))
    return {**row, "motions": (motion,), "caption": clip_caption([deed], places[rng.integers(len(places))], rng)}


# How a sample may be changed: the function, and which caption says it.
CHANGES: dict[str, tuple[Callable[[Row, EmojiMotion, int], dict[str, Any] | None], str]] = {
    "another-thing": (another_thing, "image_caption"),
    "another-motion": (another_motion, "caption"),
}


def change_captions(kind: str, rows: Sequence[Row], dataset: EmojiMotion, seed: int = 0) -> ChangedSamples:
    """Ask for something else than samples show.

    Args:
        kind (`str`): `"another-thing"` for stills, `"another-motion"` for clips.
        rows (`Sequence[Mapping]`): samples of the data set.
        dataset (`nuwa_hf.datasets.EmojiMotion`): where they come from.
        seed (`int`, defaults to 0): of the first sample; each further one adds 1.

    Returns:
        `ChangedSamples`: those that can be changed.

    Raises:
        ValueError: If there is no such kind, or no sample can be changed.
    """
    if kind not in CHANGES:
        raise ValueError(f"`captions` must be own, {', '.join(CHANGES)}, got {kind!r}; use one of them.")
    change, caption = CHANGES[kind]
    asked = {
        place: changed for place, row in enumerate(rows) if (changed := change(row, dataset, seed + place)) is not None
    }
    if not asked:
        raise ValueError(
            f"`num_samples` must cover a sample whose caption can be changed to {kind.replace('-', ' ')}, got none "
            f"in {len(rows)}; draw more of them."
        )
    return ChangedSamples(list(asked), [row[caption] for row in asked.values()], list(asked.values()))


def has_room(middle: float, direction: int, side: float) -> bool:
    """Whether a thing has room to move along one axis.

    Args:
        middle (`float`): where it is, in [0, 1].
        direction (`int`): 1 or -1; 0 needs no room.
        side (`float`): its size.

    Returns:
        `bool`: whether there is at least `ROOM` ahead of it.
    """
    before = 1 - side / 2 - middle if direction > 0 else middle - side / 2
    return direction == 0 or before >= ROOM
