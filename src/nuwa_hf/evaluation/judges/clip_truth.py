# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a sample of EmojiMotion shows, or what its caption asks for, as class indices of the judges."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nuwa_hf.datasets.captions import with_article
from nuwa_hf.datasets.motions import can_roll


# Motions in the course of which the thing cannot be seen.
FADING = ("appear", "disappear")


class ClassNames(Protocol):
    """What has the names of the classes, in the order of their indices: the judges, and EmojiMotion.

    Attributes:
        object_names (`list[str]`): of the things.
        background_names (`list[str]`): of the backgrounds.
        motion_names (`list[str]`): of the motions.
    """

    object_names: list[str]
    background_names: list[str]
    motion_names: list[str]


@dataclass(frozen=True)
class ClipTruth:
    """What a clip, or one frame, should show.

    Args:
        objects (`frozenset[int]`): the things: one or two, or none on a frame in which they cannot be seen.
        background (`int`): the background.
        motion (`int` or `None`): the motion of a clip with one thing, `None` with two and for a single frame.
        is_round_spin (`bool`, defaults to `False`): whether a round thing spins, which cannot be seen.
        fades (`bool`, defaults to `False`): whether there are frames in which the thing cannot be seen.
    """

    objects: frozenset[int]
    background: int
    motion: int | None
    is_round_spin: bool = False
    fades: bool = False

    @classmethod
    def of_clip(cls, row: Mapping[str, Any], classes: ClassNames) -> "ClipTruth":
        """The truth of a clip.

        Args:
            row (`Mapping`): a sample of EmojiMotion, with `objects`, `categories`, `motions` and `background`.
            classes (`ClassNames`): the classes by name.

        Returns:
            `ClipTruth`: the same as indices.

        Raises:
            ValueError: If a name is not among the classes.
        """
        is_single = len(row["objects"]) == 1
        noun, category, motion = row["objects"][0], row["categories"][0], row["motions"][0]
        return cls(
            objects=frozenset(_index("objects", name, classes.object_names) for name in row["objects"]),
            background=_index("backgrounds", row["background"], classes.background_names),
            motion=_index("motions", motion, classes.motion_names) if is_single else None,
            # Things that can roll are round, and the spin of a round thing cannot be seen.
            is_round_spin=is_single and motion == "spin" and can_roll(noun, category, "left"),
            fades=any(motion in FADING for motion in row["motions"]),
        )

    @classmethod
    def of_still(cls, row: Mapping[str, Any], classes: ClassNames) -> "ClipTruth":
        """The truth of a sample's still: the things that its caption names, which are those that can be seen on it.

        Args:
            row (`Mapping`): a sample of EmojiMotion, with `image_caption`, `objects` and `background`.
            classes (`ClassNames`): the classes by name.

        Returns:
            `ClipTruth`: without a motion.

        Raises:
            ValueError: If a name is not among the classes.
        """
        named = f"{row['image_caption']} "
        return cls(
            objects=frozenset(
                _index("objects", noun, classes.object_names)
                for noun in row["objects"]
                if f"{with_article(noun)} " in named
            ),
            background=_index("backgrounds", row["background"], classes.background_names),
            motion=None,
        )

    def guess(self, classes: ClassNames) -> dict[str, float]:
        """How often somebody is right who guesses every allowed answer equally often.

        Args:
            classes (`ClassNames`): the classes; k things are one of `comb(len(object_names), k)` sets.

        Returns:
            `dict[str, float]`: `object`, `background`, `motion` and `object_and_motion`; the last two are not a number
            where the truth has no motion.
        """
        right_object = 1 / math.comb(len(classes.object_names), len(self.objects)) if self.objects else math.nan
        right_motion = math.nan if self.motion is None else 1 / len(classes.motion_names)
        return {
            "object": right_object,
            "background": 1 / len(classes.background_names),
            "motion": right_motion,
            "object_and_motion": right_object * right_motion,
        }


def _index(kind: str, name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ValueError(
            f"`judges` must know the {kind} of the data set, got judges of {len(names)} {kind} that do not know "
            f"{name!r}; train judges for this setting with `nuwa-hf train-judges`."
        )
    return list(names).index(name)
