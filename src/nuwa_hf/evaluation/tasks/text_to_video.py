# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Scores generated clips beside real clips, real clips through the codec, and chance.

Shapes: B clips, T frames, Y rows, X columns of pixels.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.evaluation.judges.judges import Judges
from nuwa_hf.evaluation.judges.verdict_scores import ClipTruth, chance, score_verdicts
from nuwa_hf.evaluation.tasks.task_evaluator import run_in_batches
from nuwa_hf.metrics.frechet_distance import frechet_distance
from nuwa_hf.metrics.psnr import psnr
from nuwa_hf.modeling.codec import Codec
from nuwa_hf.pipelines import NuwaTextToVideoPipeline


@dataclass(frozen=True)
class RealClips:
    """The first clips of a split, and as many further ones as the reference of the judge-FID.

    Args:
        clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        object_mask (`torch.Tensor` of shape `(B, T, Y, X)`, bool): where the sprites are.
        captions (`list[str]`): of each clip.
        truths (`list[ClipTruth]`): of each clip.
        reference (`torch.Tensor` of shape `(B, T, 3, Y, X)`): other real clips, in [0, 1].
    """

    clips: Tensor
    object_mask: Tensor
    captions: list[str]
    truths: list[ClipTruth]
    reference: Tensor

    @classmethod
    def draw(cls, dataset: EmojiMotion, num_clips: int) -> "RealClips":
        """Take the first `num_clips` clips of a data set, and as many more for reference.

        Args:
            dataset (`nuwa_hf.datasets.EmojiMotion`): has at least twice as many.
            num_clips (`int`): at least 2, for the features' covariance.

        Returns:
            `RealClips`.

        Raises:
            ValueError: If the data set holds fewer than twice as many clips.
        """
        if not 2 <= num_clips <= len(dataset) // 2:
            raise ValueError(f"`num_clips` must be from 2 to {len(dataset) // 2}, half of the split, got {num_clips}.")
        samples = [dataset[index] for index in tqdm(range(2 * num_clips), desc="drawing", leave=False)]
        videos = torch.stack([torch.from_numpy(sample["video"]) for sample in samples])
        pixels = videos.permute(0, 1, 4, 2, 3).float() / 255
        judged = samples[:num_clips]
        return cls(
            clips=pixels[:num_clips],
            object_mask=torch.stack([torch.from_numpy(sample["object_mask"]).bool() for sample in judged]),
            captions=[sample["caption"] for sample in judged],
            truths=[ClipTruth.from_sample(sample, dataset) for sample in judged],
            reference=pixels[num_clips:],
        )


@torch.inference_mode()
def through_codec(codec: Codec, clips: Tensor, batch_size: int) -> Tensor:
    """Encode clips to tokens and decode them again.

    Args:
        codec (`Codec`): the codec.
        clips (`torch.Tensor` of shape `(B, T, 3, Y, X)`): in [0, 1].
        batch_size (`int`): clips at once.

    Returns:
        `torch.Tensor` of shape `(B, T, 3, Y, X)`: in [0, 1].
    """
    decoded = []
    for batch in tqdm(clips.split(batch_size), desc="codec", leave=False):
        tokens = codec.encode(2 * batch.flatten(0, 1).to(codec.device) - 1).tokens
        decoded.append(codec.decode(tokens).sample.float().cpu().unflatten(0, batch.shape[:2]))
    return ((torch.cat(decoded) + 1) / 2).clamp(0, 1)


def evaluate_split(
    dataset: EmojiMotion,
    judges: Judges,
    codec: Codec,
    pipeline: NuwaTextToVideoPipeline | None,
    *,
    num_clips: int,
    batch_size: int = 16,
    seed: int = 0,
    **sampling: float | None,
) -> tuple[dict[str, dict[str, Any]], Tensor, list[str]]:
    """Score one split.

    Args:
        dataset (`nuwa_hf.datasets.EmojiMotion`): the split.
        judges (`Judges`): trained on the same classes.
        codec (`Codec`): the codec.
        pipeline (`NuwaTextToVideoPipeline` or `None`): generates; with `None` there is no row `generated`.
        num_clips (`int`): clips to score.
        batch_size (`int`, defaults to 16): clips coded or generated at once.
        seed (`int`, defaults to 0): of the first generated clip.
        sampling (`float`, *optional*): `guidance_scale`, `temperature`, `top_k`, `top_p` of the pipeline.

    Returns:
        `tuple`: the report, a `dict` with the rows `real`, `codec`, `generated` and `chance`; the last clips that
        were made (generated or, without a pipeline, decoded) `(B, T, 3, Y, X)`; and their captions.
    """
    real = RealClips.draw(dataset, num_clips)
    rows = {"real": real.clips, "codec": through_codec(codec, real.clips, batch_size)}
    if pipeline is not None:
        rows["generated"] = run_in_batches(
            pipeline,
            {"prompt": real.captions},
            num_frames=real.clips.shape[1],
            batch_size=batch_size,
            seed=seed,
            **sampling,
        )
    reference = judges(real.reference, show_progress=True)
    report: dict[str, dict[str, Any]] = {}
    for name, clips in rows.items():
        verdicts = judges(clips, show_progress=True)
        report[name] = {key: accuracy.to_dict() for key, accuracy in score_verdicts(verdicts, real.truths).items()}
        report[name]["judge_fid_frames"] = frechet_distance(verdicts.frame_features, reference.frame_features)
        report[name]["judge_fid_clips"] = frechet_distance(verdicts.clip_features, reference.clip_features)
    report["codec"]["psnr"] = psnr(rows["codec"], real.clips).item()
    report["codec"]["psnr_objects"] = psnr(rows["codec"], real.clips, real.object_mask).item()
    sizes = (len(dataset.object_names), len(dataset.background_names), len(dataset.motion_names))
    report["chance"] = {key: {"accuracy": value} for key, value in chance(real.truths, *sizes).items()}
    return report, list(rows.values())[-1], real.captions
