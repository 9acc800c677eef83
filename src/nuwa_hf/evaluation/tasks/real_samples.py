# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The real samples that every task starts from and is compared with.

Shapes: B samples, T frames, Y rows, X columns of pixels.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.datasets.captions import with_article
from nuwa_hf.evaluation.judges.verdict_scores import ClipTruth


@dataclass(frozen=True)
class RealSamples:
    """The first samples of a split.

    Args:
        dataset (`nuwa_hf.datasets.EmojiMotion`): where they come from.
        samples (`list[dict]`): as the data set gives them.
        clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        sketches (`torch.LongTensor` of shape `(B, T, Y, X)`): classes.
        truths (`list[ClipTruth]`): of the clips.
        image_truths (`list[ClipTruth]`): of the stills, with the things that can be seen on them.
        image_indices (`torch.LongTensor` of shape `(B,)`): which frame of the clip the still is.
    """

    dataset: EmojiMotion
    samples: list[dict[str, Any]]
    clips: Tensor
    sketches: Tensor
    truths: list[ClipTruth]
    image_truths: list[ClipTruth]
    image_indices: Tensor

    @classmethod
    def draw(cls, dataset: EmojiMotion, num_clips: int) -> "RealSamples":
        """Take the first samples of a data set, except those whose still shows nothing.

        Args:
            dataset (`nuwa_hf.datasets.EmojiMotion`): the split.
            num_clips (`int`): how many.

        Returns:
            `RealSamples`.

        Raises:
            ValueError: If the data set has too few.
        """
        samples: list[dict[str, Any]] = []
        for index in tqdm(range(len(dataset)), desc="drawing", leave=False):
            if len(samples) == num_clips:
                break
            sample = dataset[index]
            if seen_objects(sample):
                samples.append(sample)
        if len(samples) < num_clips:
            raise ValueError(
                f"`task_images` and `task_videos` must be at most {len(samples)}, all of the split, got {num_clips}."
            )
        truths = [ClipTruth.from_sample(sample, dataset) for sample in samples]
        return cls(
            dataset=dataset,
            samples=samples,
            clips=torch.stack([torch.from_numpy(s["video"]).permute(0, 3, 1, 2) for s in samples]).float() / 255,
            sketches=torch.stack([torch.from_numpy(sample["sketch"]).long() for sample in samples]),
            truths=truths,
            image_truths=[
                replace(truth, objects=seen_objects(sample), motion=None, is_round_spin=False)
                for truth, sample in zip(truths, samples, strict=True)
            ],
            image_indices=torch.tensor([sample["image_index"] for sample in samples]),
        )

    def __len__(self) -> int:
        return len(self.samples)

    def stills(self, clips: Tensor) -> Tensor:
        """The frames of clips that are the samples' stills.

        Args:
            clips (`torch.Tensor` of shape `(B, T, ...)`): one clip for each sample.

        Returns:
            `torch.Tensor` of shape `(B, ...)`.
        """
        return clips[torch.arange(len(self)), self.image_indices]

    def take(self, places: list[int]) -> "RealSamples":
        """Some of the samples.

        Args:
            places (`list[int]`): which, in order.

        Returns:
            `RealSamples`.
        """
        return RealSamples(
            dataset=self.dataset,
            samples=[self.samples[place] for place in places],
            clips=self.clips[places],
            sketches=self.sketches[places],
            truths=[self.truths[place] for place in places],
            image_truths=[self.image_truths[place] for place in places],
            image_indices=self.image_indices[places],
        )


def seen_objects(sample: dict[str, Any]) -> frozenset[int]:
    """The things named by the caption of a sample's still: those visible on it.

    Args:
        sample (`dict`): of `EmojiMotion`.

    Returns:
        `frozenset[int]`: their classes.
    """
    named = f"{sample['image_caption']} "
    pairs = zip(sample["objects"], sample["object_ids"], strict=True)
    return frozenset(number for noun, number in pairs if f"{with_article(noun)} " in named)
