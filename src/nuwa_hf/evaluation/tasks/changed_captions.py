# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Captions that ask for something other than a sample shows, another thing or another motion, with their truth."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.datasets.captions import Deed, clip_caption, place_phrases, with_article
from nuwa_hf.datasets.motions import DIRECTIONS, draw_rolls
from nuwa_hf.evaluation.judges.verdict_scores import ClipTruth


# The room that a straight motion needs ahead of the thing, as a share of the frame.
ROOM = 0.3


@dataclass(frozen=True)
class ChangedCaption:
    """A caption to ask for.

    Args:
        caption (`str`): the caption.
        truth (`ClipTruth`): what it asks for.
    """

    caption: str
    truth: ClipTruth


def another_object(sample: dict[str, Any], truth: ClipTruth, dataset: EmojiMotion, seed: int) -> ChangedCaption | None:
    """The caption of a sample's still, with the noun of another thing.

    Args:
        sample (`dict`): of the data set.
        truth (`ClipTruth`): of its still.
        dataset (`nuwa_hf.datasets.EmojiMotion`): where it comes from.
        seed (`int`): draws the other thing.

    Returns:
        `ChangedCaption` or `None`: `None` for a sample with two things or, if there is only one, no other thing.
    """
    if len(sample["objects"]) != 1 or len(dataset.object_names) < 2:
        return None
    old = sample["object_ids"][0]
    new = int(np.random.default_rng(seed).integers(len(dataset.object_names) - 1))
    new += new >= old
    nouns = (with_article(sample["objects"][0]), with_article(dataset.object_names[new]))
    return ChangedCaption(
        sample["image_caption"].replace(*nouns, 1), replace(truth, objects=frozenset({new}), motion=None)
    )


def another_motion(sample: dict[str, Any], truth: ClipTruth, dataset: EmojiMotion, seed: int) -> ChangedCaption | None:
    """The caption of a clip with another straight motion, which occurs for the thing in this split and for which there
    is room.

    Args:
        sample (`dict`): of the data set.
        truth (`ClipTruth`): of its clip.
        dataset (`nuwa_hf.datasets.EmojiMotion`): where it comes from.
        seed (`int`): draws the motion and the words.

    Returns:
        `ChangedCaption` or `None`: `None` for a sample with two things, or where no other motion is possible.
    """
    if len(sample["objects"]) != 1:
        return None
    noun = sample["objects"][0]
    x, y, side = sample["track"][0, 0]
    possible = [
        motion
        for motion, (right, down) in DIRECTIONS.items()
        if (noun, motion) in dataset.pairs
        and motion != sample["motions"][0]
        and has_room(x, right, side)
        and has_room(y, down, side)
    ]
    if not possible:
        return None
    rng = np.random.default_rng(seed)
    motion = possible[rng.integers(len(possible))]
    category = int(dataset.pack.categories[dataset.pack.nouns.index(noun)])
    places = place_phrases(sample["background"])
    caption = clip_caption(
        [Deed(noun, category, motion, draw_rolls(noun, category, motion, rng))], places[rng.integers(len(places))], rng
    )
    return ChangedCaption(caption, replace(truth, motion=dataset.motion_names.index(motion), is_round_spin=False))


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
