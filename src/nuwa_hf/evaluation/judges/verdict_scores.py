# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Scores of judged frames and clips: accuracies with intervals, and chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.datasets.motions import can_roll
from nuwa_hf.evaluation.judges.judge_networks import FrameJudgeOutput
from nuwa_hf.evaluation.judges.judges import Verdicts


@dataclass(frozen=True)
class ClipTruth:
    """What the caption of a clip asks for, as class indices of the judges.

    Args:
        objects (`frozenset[int]`): the objects in the clip, one or two.
        background (`int`): its background.
        motion (`int` or `None`): the motion of a clip with one object, `None` with two.
        is_round_spin (`bool`, defaults to `False`): whether a round thing spins, which cannot be seen.
    """

    objects: frozenset[int]
    background: int
    motion: int | None
    is_round_spin: bool = False

    @classmethod
    def from_sample(cls, sample: dict[str, Any], dataset: EmojiMotion) -> "ClipTruth":
        """Read the truth of an EmojiMotion sample.

        Args:
            sample (`dict`): with `objects`, `object_ids`, `motions` and `background`.
            dataset (`nuwa_hf.datasets.EmojiMotion`): where it comes from; its name lists index the classes.

        Returns:
            `ClipTruth`: the same as indices.
        """
        is_single = len(sample["objects"]) == 1
        noun, motion = sample["objects"][0], sample["motions"][0]
        category = int(dataset.pack.categories[dataset.pack.nouns.index(noun)])
        return cls(
            objects=frozenset(sample["object_ids"]),
            background=dataset.background_names.index(sample["background"]),
            motion=dataset.motion_names.index(motion) if is_single else None,
            # Things that can roll are round, and the spin of a round thing cannot be seen.
            is_round_spin=is_single and motion == "spin" and can_roll(noun, category, "left"),
        )


@dataclass(frozen=True)
class Accuracy:
    """A share of right verdicts.

    Args:
        hits (`int`): right verdicts.
        trials (`int`): all verdicts, at least 1.

    Raises:
        ValueError: If there are no trials, or more hits than trials.
    """

    hits: int
    trials: int

    def __post_init__(self):
        if self.trials < 1 or not 0 <= self.hits <= self.trials:
            raise ValueError(
                f"`hits` must lie in [0, trials] and `trials` be at least 1, got {self.hits} of {self.trials}."
            )

    @property
    def value(self) -> float:
        """The share itself, in [0, 1]."""
        return self.hits / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson score interval, `(low, high)` in [0, 1]."""
        return wilson_interval(self.hits, self.trials)

    def to_dict(self) -> dict[str, float]:
        """The numbers a report keeps: accuracy, low, high and clips."""
        low, high = self.interval
        return {"accuracy": self.value, "low": low, "high": high, "clips": self.trials}


def wilson_interval(hits: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of a share; unlike the normal one it stays in [0, 1] and has width at 0 and at 1.

        (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Args:
        hits (`int`): successes.
        trials (`int`): all trials, at least 1.
        z (`float`, defaults to 1.959964): standard deviations; the default is a 95 % interval.

    Returns:
        `tuple[float, float]`: low and high end.
    """
    share = hits / trials
    scale = 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / scale
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


def score_verdicts(verdicts: Verdicts, truths: Sequence[ClipTruth]) -> dict[str, Accuracy]:
    """The share of clips that show what they should.

    Objects are right when the k highest object logits are exactly the truth's k objects. Motion is scored on clips
    with one object, where it is one class.

    Args:
        verdicts (`Verdicts`): of `B` clips.
        truths (`Sequence[ClipTruth]`): of the same `B` clips.

    Returns:
        `dict[str, Accuracy]`: `object` and `background` over all clips; `motion` and `object_and_motion` over clips
        with one object, if there are any; `motion_without_round_spin` where round things spin.

    Raises:
        ValueError: If there is not one truth for each verdict, or no clip at all.
    """
    object_hits, background_hits = frame_hits(verdicts.object_logits, verdicts.background_logits, truths)
    motions = verdicts.motion_logits.argmax(dim=1).tolist()
    motion_hits = [seen == truth.motion for seen, truth in zip(motions, truths, strict=True)]
    both_hits = [left and right for left, right in zip(object_hits, motion_hits, strict=True)]

    everywhere = [True] * len(truths)
    single = [truth.motion is not None for truth in truths]
    seen_to_move = [truth.motion is not None and not truth.is_round_spin for truth in truths]
    counted = {
        "object": (object_hits, everywhere),
        "background": (background_hits, everywhere),
        "motion": (motion_hits, single),
        "object_and_motion": (both_hits, single),
    }
    if seen_to_move != single:
        counted["motion_without_round_spin"] = (motion_hits, seen_to_move)
    return {
        name: Accuracy(sum(hit for hit, counts in zip(hits, where, strict=True) if counts), sum(where))
        for name, (hits, where) in counted.items()
        if any(where)
    }


def score_frames(verdicts: FrameJudgeOutput, truths: Sequence[ClipTruth]) -> dict[str, Accuracy]:
    """Share of the single frames that show what they should; a frame has no motion.

    Args:
        verdicts (`FrameJudgeOutput`): of `B` frames.
        truths (`Sequence[ClipTruth]`): of the same `B` frames; their motion is ignored.

    Returns:
        `dict[str, Accuracy]`: `object` and `background`.

    Raises:
        ValueError: If there is not one truth for each verdict, or no frame at all.
    """
    hits = frame_hits(verdicts.object_logits, verdicts.background_logits, truths)
    return {name: Accuracy(sum(part), len(part)) for name, part in zip(("object", "background"), hits, strict=True)}


def frame_hits(
    object_logits: Tensor, background_logits: Tensor, truths: Sequence[ClipTruth]
) -> tuple[list[bool], list[bool]]:
    """Whether objects and background are right, one by one.

    Args:
        object_logits (`torch.Tensor` of shape `(B, num_objects)`): of the frame judge.
        background_logits (`torch.Tensor` of shape `(B, num_backgrounds)`): of the frame judge.
        truths (`Sequence[ClipTruth]`): B truths.

    Returns:
        `tuple[list[bool], list[bool]]`: of the objects (all of them and no other) and of the background.

    Raises:
        ValueError: If there is not one truth for each verdict, or none at all.
    """
    if len(truths) != len(object_logits) or not truths:
        raise ValueError(
            f"`truths` must hold one truth for each clip and at least one, got {len(truths)} truths "
            f"for {len(object_logits)} clips."
        )
    ranked_objects = object_logits.argsort(dim=1, descending=True).tolist()
    backgrounds = background_logits.argmax(dim=1).tolist()
    return (
        [frozenset(ranked[: len(t.objects)]) == t.objects for ranked, t in zip(ranked_objects, truths, strict=True)],
        [seen == truth.background for seen, truth in zip(backgrounds, truths, strict=True)],
    )


def chance(truths: Sequence[ClipTruth], num_objects: int, num_backgrounds: int, num_motions: int) -> dict[str, float]:
    """Expected accuracies of a judge that guesses every allowed answer equally often.

    Args:
        truths (`Sequence[ClipTruth]`): of the clips.
        num_objects (`int`): object classes; k objects are one of `comb(num_objects, k)` sets.
        num_backgrounds (`int`): background classes.
        num_motions (`int`): motion classes.

    Returns:
        `dict[str, float]`: `object`, `background`, `motion`, `object_and_motion`.
    """
    guesses = [1 / math.comb(num_objects, len(truth.objects)) for truth in truths]
    return {
        "object": sum(guesses) / len(guesses),
        "background": 1 / num_backgrounds,
        "motion": 1 / num_motions,
        "object_and_motion": 1 / (num_objects * num_motions),
    }
