# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How the digits of a clip move, read from where they are found, and whether that is what the caption asks for.

Letters: T frames, k digits, n frames in which all of them are found.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuwa_hf.datasets.moving_mnist import DIGIT_MOTIONS, Pair
from nuwa_hf.evaluation.judges.digit_finder import FoundDigits


LEAST_WAY = 14.0  # pixels that a digit goes in all frames together; a real one goes about 60
MOST_ASIDE = 0.5  # of its way along one axis, what it may go along the other
OVERLAP = 12.0  # pixels between two centres up to which one digit hides the other
LEAST_SEEN = 0.5  # share of the frames in which the digits must be found


@dataclass(frozen=True)
class ClipVerdict:
    """Whether a clip shows what was asked for.

    Args:
        digits (`bool`): the right digits, and nothing else, in every frame; frames in which one hides the other are
            not looked at.
        motion (`bool`): what moves, whatever it is, moves as was asked.
        both (`bool`): the right digits in every frame, each with its own motion.
    """

    digits: bool
    motion: bool
    both: bool


def judge_clip(frames: Sequence[FoundDigits], asked: Sequence[Pair]) -> ClipVerdict:
    """Judge a clip.

    Args:
        frames (`Sequence[FoundDigits]`): what is found in each of T frames.
        asked (`Sequence[tuple[int, str]]`): one or two digits with their motions.

    Returns:
        `ClipVerdict`.
    """
    count, least = len(asked), LEAST_SEEN * len(frames)
    wanted = sorted(digit for digit, _ in asked)
    seen = [time for time, frame in enumerate(frames) if len(frame.digits) == count]
    tracks = track_digits([frames[time].centres for time in seen]) if len(seen) >= max(least, 2) else None
    motion = False
    if tracks is not None:
        motion = sorted(map(str, map(motion_of, tracks))) == sorted(name for _, name in asked)
    right = [time for time in seen if sorted(frames[time].digits) == wanted]
    if len(right) < max(least, 2):
        return ClipVerdict(False, motion, False)
    own = _own_tracks([frames[time] for time in right], [digit for digit, _ in asked])
    is_whole = all(time in right or _is_overlap(own, right, time) for time in range(len(frames)))
    moves = [str(motion_of(track)) for track in own]
    names = [name for _, name in asked]
    if count == 2 and asked[0][0] == asked[1][0]:  # which of two equal digits is which cannot be seen
        moves, names = sorted(moves), sorted(names)
    return ClipVerdict(is_whole, motion, is_whole and moves == names)


def motion_of(track: np.ndarray) -> str | None:
    """How a digit moves.

    Args:
        track (`np.ndarray` of shape `(n, 2)`): x and y of its centre in pixels.

    Returns:
        `str`: one of `DIGIT_MOTIONS`; None if it rests, or moves along both axes.
    """
    ways = np.abs(np.diff(track, axis=0)).sum(axis=0)
    longest = int(ways.argmax())
    if ways[longest] < LEAST_WAY or ways[1 - longest] > MOST_ASIDE * ways[longest]:
        return None
    return DIGIT_MOTIONS[longest]


def track_digits(places: Sequence[Sequence[tuple[float, float]]]) -> list[np.ndarray]:
    """Follow one or two things: of all ways to name them, the one in which speeds change least.

    Args:
        places (`Sequence[Sequence[tuple[float, float]]]`): x and y of k things in each of n frames, in any order.

    Returns:
        `list[np.ndarray]`: k tracks of shape `(n, 2)`.
    """
    points = np.array(places, dtype=np.float64)  # (n, k, 2)
    if points.shape[1] == 1:
        return [points[:, 0]]
    named = np.stack([points, points[:, ::-1]])  # (2, n, 2, 2): each frame's two as they are, and exchanged
    # Of all ways that name the last two frames alike, only the one of least changes can go on as the best.
    # The first frame names them.
    best = {}
    for swap in (0, 1):
        way = named[swap, min(1, len(points) - 1)] - named[0, 0]
        best[0, swap] = (float(np.abs(way).sum()) if len(points) == 2 else 0.0, (0, swap))
    for time in range(2, len(points)):
        longer: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
        for ((first, middle), (change, swaps)), last in itertools.product(best.items(), (0, 1)):
            turn = named[last, time] - 2 * named[middle, time - 1] + named[first, time - 2]
            found = (change + float(np.abs(turn).sum()), (*swaps, last))
            longer[middle, last] = min(found, longer.get((middle, last), found))
        best = longer
    _, swaps = min(best.values())
    tracks = named[list(swaps[: len(points)]), np.arange(len(points))]  # (n, 2, 2)
    return list(tracks.swapaxes(0, 1))


def _own_tracks(frames: Sequence[FoundDigits], digits: Sequence[int]) -> list[np.ndarray]:
    """The track of each digit that was asked for, in frames that show exactly these."""
    if len(digits) == 2 and digits[0] == digits[1]:
        return track_digits([frame.centres for frame in frames])
    return [np.array([frame.centres[frame.digits.index(digit)] for frame in frames]) for digit in digits]


def _is_overlap(tracks: Sequence[np.ndarray], times: Sequence[int], time: int) -> bool:
    """Whether two digits are so near each other, judged by the frames around, that one may hide the other."""
    if len(tracks) == 1:
        return False
    there = [[np.interp(time, times, track[:, axis]) for axis in (0, 1)] for track in tracks]
    return float(np.hypot(*np.subtract(*there))) <= OVERLAP
