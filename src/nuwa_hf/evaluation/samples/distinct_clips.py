# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Samples that show the same image or clip, such as those of a clip with several captions."""

from collections.abc import Sequence


def halves_of(clips: Sequence[int]) -> tuple[list[int], list[int]]:
    """Two halves of a set that share no image or clip: every other one, with all of its samples.

    Args:
        clips (`Sequence[int]`): of each sample, as `first_places` gives it.

    Returns:
        `tuple[list[int], list[int]]`: places of the samples of each half, rising.

    Example:
        >>> halves_of((0, 0, 2, 3))
        ([0, 1, 3], [2])
    """
    halves: tuple[list[int], list[int]] = ([], [])
    order = {clip: number for number, clip in enumerate(dict.fromkeys(clips))}
    for place, clip in enumerate(clips):
        halves[order[clip] % 2].append(place)
    return halves


def few_clips(name: str, clips: Sequence[int]) -> list[str]:
    """A warning where samples are of fewer images or clips than there are samples.

    Args:
        name (`str`): of the set.
        clips (`Sequence[int]`): of each sample, as `first_places` gives it.

    Returns:
        `list[str]`: a sentence, or none.
    """
    count = len(set(clips))
    return [f"The {len(clips):,} {name} samples show {count:,} images or clips."] if count < len(clips) else []
