# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Measures the judges: their scores on real clips that they were not trained on, and on controls."""

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.evaluation.judges.judges import Judges
from nuwa_hf.evaluation.judges.sketch_scores import score_class_maps
from nuwa_hf.evaluation.judges.verdict_scores import ClipTruth, score_verdicts


def draw_clips(dataset: EmojiMotion, num_clips: int) -> tuple[Tensor, list[ClipTruth]]:
    """The first clips of a data set, with their truths.

    Args:
        dataset (`nuwa_hf.datasets.EmojiMotion`): where they come from.
        num_clips (`int`): how many.

    Returns:
        `tuple`: clips `(B, T, 3, Y, X)` in [0, 1] and `B` truths.
    """
    samples = [dataset[index] for index in tqdm(range(num_clips), desc=f"{dataset.split} clips", leave=False)]
    clips = torch.stack([torch.from_numpy(sample["video"]).permute(0, 3, 1, 2) for sample in samples]).float() / 255
    return clips, [ClipTruth.from_sample(sample, dataset) for sample in samples]


def report_accuracies(judges: Judges, clips: Tensor, truths: Sequence[ClipTruth], seed: int = 0) -> dict[str, dict]:
    """Accuracies on real clips, and on three controls where they must be low.

    Args:
        judges (`Judges`): both judges.
        clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): real clips in [0, 1].
        truths (`Sequence[ClipTruth]`): their truths.
        seed (`int`, defaults to 0): of the shuffled frames.

    Returns:
        `dict`: `real`, `first_frame_repeated`, `frames_shuffled` and `another_clips_caption`, each a `dict` of
        accuracies. The first two controls keep objects and background and destroy the motion; the third destroys
        everything.
    """
    verdicts = judges(clips, show_progress=True)
    repeated = clips[:, :1].expand_as(clips)
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(clips.shape[:2], generator=generator).argsort(dim=1)
    shuffled = clips[torch.arange(len(clips))[:, None], order]
    # Shifted within the clips of one object and within those of two, so that every clip still has a motion to judge.
    others = list(truths)
    for is_single in (True, False):
        places = [place for place, truth in enumerate(truths) if (truth.motion is not None) == is_single]
        for place, other in zip(places, places[1:] + places[:1], strict=True):
            others[place] = truths[other]
    scored = {
        "real": score_verdicts(verdicts, truths),
        "first_frame_repeated": score_verdicts(judges(repeated, show_progress=True), truths),
        "frames_shuffled": score_verdicts(judges(shuffled, show_progress=True), truths),
        "another_clips_caption": score_verdicts(verdicts, others),
    }
    return {row: {name: accuracy.to_dict() for name, accuracy in part.items()} for row, part in scored.items()}


def report_class_maps(judges: Judges, dataset: EmojiMotion, num_clips: int) -> dict[str, float]:
    """Scores of the class maps that the segment judge draws of real frames.

    Args:
        judges (`Judges`): with a segment judge.
        dataset (`nuwa_hf.datasets.EmojiMotion`): unseen clips, one frame of each.
        num_clips (`int`): how many.

    Returns:
        `dict[str, float]`: of `score_class_maps`.
    """
    samples = [dataset[index] for index in tqdm(range(num_clips), desc=f"{dataset.split} sketches", leave=False)]
    frames = torch.stack([torch.from_numpy(sample["image"]).permute(2, 0, 1) for sample in samples]).float() / 255
    sketches = torch.stack([torch.from_numpy(sample["image_sketch"]).long() for sample in samples])
    return score_class_maps(judges.segment(frames), sketches)
