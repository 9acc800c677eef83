# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The training data of the judges, real clips with light augmentation, and their three losses.

Shapes: B clips, T frames, Y rows, X columns of pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.datasets.sprites import CATEGORIES
from nuwa_hf.evaluation.judges.clip_truth import ClipTruth
from nuwa_hf.evaluation.judges.judge_networks import ClipJudge, FrameJudge
from nuwa_hf.evaluation.judges.segment_judge import SegmentJudge


FRAMES_PER_CLIP = 2
NO_MOTION = -1
THING_WEIGHT = 5.0


class JudgeClips(Dataset):
    """EmojiMotion clips with their truth as class indices.

    Args:
        dataset (`nuwa_hf.datasets.EmojiMotion`): where the clips come from.
    """

    def __init__(self, dataset: EmojiMotion):
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One clip.

        Args:
            index (`int`): of the data set.

        Returns:
            `dict`: `clip` `(T, 3, Y, X)` and `sketch` `(T, Y, X)` uint8; `objects` `(num_objects,)` float, 1 for each
            object in the clip; `background` and `motion` `()` long, the motion `NO_MOTION` in a clip of two objects.
        """
        sample = self.dataset[index]
        truth = ClipTruth.of_clip(sample, self.dataset)
        objects = torch.zeros(len(self.dataset.object_names))
        objects[list(truth.objects)] = 1.0
        return {
            "clip": torch.from_numpy(sample["video"]).permute(0, 3, 1, 2).contiguous(),
            "sketch": torch.from_numpy(sample["sketch"]),
            "objects": objects,
            "background": torch.tensor(truth.background),
            "motion": torch.tensor(NO_MOTION if truth.motion is None else truth.motion),
        }


def augment(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Lightly blur half of the clips, change brightness and add noise, so that a verdict does not depend on perfect
    sharpness.

    Args:
        clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        generator (`torch.Generator`): draws the strengths of each clip.

    Returns:
        `torch.Tensor` of shape `(B, T, 3, Y, X)`: in [0, 1].
    """

    def draw(num: int, low: float, high: float) -> Tensor:
        return (low + (high - low) * torch.rand(num, 1, 1, 1, 1, generator=generator)).to(clips.device)

    half = len(clips) // 2
    blurred = torch.lerp(clips[:half], blur(clips[:half]), draw(half, 0.0, 1.0))
    clips = torch.cat([blurred, clips[half:]])
    noise = torch.randn(clips.shape, generator=generator).to(clips.device)
    clips = torch.addcmul(draw(len(clips), -0.03, 0.03), clips, draw(len(clips), 0.93, 1.07))
    return clips.addcmul_(noise, draw(len(clips), 0.0, 0.04)).clamp_(0, 1)


def blur(pixels: Tensor) -> Tensor:
    """Average each pixel with its neighbours above and below, then left and right, weighted one half each; borders
    stay.

    Args:
        pixels (`torch.Tensor` of shape `(..., Y, X)`): sharp.

    Returns:
        `torch.Tensor` of shape `(..., Y, X)`: blurred.
    """
    rows = pixels.clone()
    rows[..., 1:-1, :] = (pixels[..., :-2, :] + pixels[..., 2:, :]) / 4 + pixels[..., 1:-1, :] / 2
    columns = rows.clone()
    columns[..., 1:-1] = (rows[..., :-2] + rows[..., 2:]) / 4 + rows[..., 1:-1] / 2
    return columns


def frame_loss(judge: FrameJudge, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
    """Cross-entropy of objects and background on a few random, augmented frames of each clip.

    The target gives each object in the clip an equal share: verdicts rank the objects, which a softmax learns.

    Args:
        judge (`FrameJudge`): in training.
        batch (`dict`): of `JudgeClips`, with `clip` `(B, T, 3, Y, X)` uint8.
        generator (`torch.Generator`): draws the frames and their augmentation.

    Returns:
        `torch.Tensor` of shape `()`.
    """
    num_frames = min(FRAMES_PER_CLIP, batch["clip"].shape[1])
    frames = augment(draw_frames(batch, num_frames, generator)[0], generator).flatten(0, 1)
    output = judge(frames.contiguous(memory_format=torch.channels_last))
    shares = batch["objects"] / batch["objects"].sum(dim=1, keepdim=True)
    object_loss = functional.cross_entropy(output.object_logits, shares.repeat_interleave(num_frames, dim=0))
    background = batch["background"].repeat_interleave(num_frames)
    return object_loss + 0.5 * functional.cross_entropy(output.background_logits, background)


def segment_loss(judge: SegmentJudge, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
    """Cross-entropy of the class of every pixel on one random, augmented frame of each clip, things weighted.

    Things cover a tenth of a frame and have more classes than the rest.

    Args:
        judge (`SegmentJudge`): in training.
        batch (`dict`): of `JudgeClips`, with `clip` `(B, T, 3, Y, X)` and `sketch` `(B, T, Y, X)`, uint8.
        generator (`torch.Generator`): draws the frames and their augmentation.

    Returns:
        `torch.Tensor` of shape `()`.
    """
    clips, sketches = draw_frames(batch, 1, generator)
    frames = augment(clips, generator)[:, 0]
    logits = judge(frames.contiguous(memory_format=torch.channels_last))
    weights = torch.ones(logits.shape[1], device=logits.device)
    weights[1 : len(CATEGORIES)] = THING_WEIGHT
    return functional.cross_entropy(logits, sketches[:, 0], weights)


def draw_frames(batch: dict[str, Tensor], num_frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random frames of each clip, each at most once, with their sketches.

    Args:
        batch (`dict`): of `JudgeClips`, with `clip` `(B, T, 3, Y, X)` and `sketch` `(B, T, Y, X)`, uint8.
        num_frames (`int`): frames of each clip, at most T.
        generator (`torch.Generator`): draws them.

    Returns:
        `tuple`: frames `(B, num_frames, 3, Y, X)` in [0, 1], and their classes `(B, num_frames, Y, X)`, long.
    """
    clips, sketches = batch["clip"], batch["sketch"]
    order = torch.rand(clips.shape[:2], generator=generator).argsort(dim=1)[:, :num_frames].to(clips.device)
    rows = torch.arange(len(clips), device=clips.device)[:, None]
    return clips[rows, order].float() / 255, sketches[rows, order].long()


def clip_loss(judge: ClipJudge, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
    """Cross-entropy of the motion of the augmented clips with one object.

    Args:
        judge (`ClipJudge`): in training.
        batch (`dict`): of `JudgeClips`, with `clip` `(B, T, 3, Y, X)` uint8.
        generator (`torch.Generator`): draws the augmentation.

    Returns:
        `torch.Tensor` of shape `()`: 0, without a gradient, if no clip of the batch has one object.
    """
    single = batch["motion"] != NO_MOTION
    if not single.any():  # the mean of nothing is NaN, and so are the statistics of a norm
        return torch.zeros((), device=single.device, requires_grad=True)
    clips = augment(batch["clip"][single].float() / 255, generator)
    return functional.cross_entropy(judge(clips).motion_logits, batch["motion"][single])
