# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Measures the judges: their scores on real samples that they were not trained on, and on controls."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.evaluation.features.feature_reader import Features
from nuwa_hf.evaluation.judges.judge_reader import JudgeReader
from nuwa_hf.evaluation.metrics.judge_metrics import JUDGE_METRICS
from nuwa_hf.evaluation.samples.sample_set import SampleBatch


Rows = Sequence[Mapping[str, Any]]


def draw_rows(dataset: EmojiMotion, num_clips: int) -> list[dict[str, Any]]:
    """The first samples of a data set.

    Args:
        dataset (`nuwa_hf.datasets.EmojiMotion`): where they come from.
        num_clips (`int`): how many.

    Returns:
        `list[dict]`: the samples.
    """
    return [dataset[index] for index in tqdm(range(num_clips), desc=f"{dataset.split} clips", leave=False)]


def clips_of(rows: Rows) -> SampleBatch:
    """The clips of samples.

    Args:
        rows (`Sequence[Mapping]`): samples of EmojiMotion.

    Returns:
        `SampleBatch`: without sketches.
    """
    videos = torch.stack([torch.from_numpy(row["video"]) for row in rows])
    return SampleBatch(videos.permute(0, 1, 4, 2, 3), rows=rows)


def stills_of(rows: Rows) -> SampleBatch:
    """The stills of samples.

    Args:
        rows (`Sequence[Mapping]`): samples of EmojiMotion.

    Returns:
        `SampleBatch`: of one frame each, with their sketches.
    """
    images = torch.stack([torch.from_numpy(row["image"]) for row in rows])
    sketches = torch.stack([torch.from_numpy(row["image_sketch"]).long() for row in rows])
    return SampleBatch(images.permute(0, 3, 1, 2)[:, None], sketches=sketches[:, None], rows=rows)


def report_scores(
    reader: JudgeReader, rows: Rows, seed: int = 0, batch_size: int = 50
) -> dict[str, dict[str, dict[str, Any]]]:
    """Scores of real clips and stills, and of three controls where they must be low.

    Args:
        reader (`JudgeReader`): the judges.
        rows (`Sequence[Mapping]`): real samples.
        seed (`int`, defaults to 0): of the shuffled frames.
        batch_size (`int`, defaults to 50): clips judged at once; it does not change the scores.

    Returns:
        `dict`: `real`, `stills`, `first_frame_repeated`, `frames_shuffled` and `another_clips_caption`, each metric to
        its score. The first two controls keep things and background and destroy the motion; the third destroys
        everything.
    """
    generator = torch.Generator().manual_seed(seed)
    orders = torch.rand(len(rows), len(rows[0]["video"]), generator=generator).argsort(dim=1)
    # Shifted within the clips of one thing and within those of two, so that every clip still has a motion to judge.
    others = list(rows)
    for count in (1, 2):
        places = [place for place, row in enumerate(rows) if len(row["objects"]) == count]
        for place, other in zip(places, places[1:] + places[:1], strict=True):
            others[place] = rows[other]
    found: dict[str, list[Features]] = {}
    for start in range(0, len(rows), batch_size):
        part = slice(start, start + batch_size)
        for name, batch in _with_controls(rows[part], orders[part], others[part]).items():
            found.setdefault(name, []).append(reader(batch))
    return {
        name: _scores({output: torch.cat([part[output] for part in parts]) for output in parts[0]})
        for name, parts in found.items()
    }


def _with_controls(rows: Rows, orders: Tensor, others: Rows) -> dict[str, SampleBatch]:
    real = clips_of(rows)
    return {
        "real": real,
        "stills": stills_of(rows),
        "first_frame_repeated": replace(real, clips=real.clips[:, :1].expand_as(real.clips)),
        "frames_shuffled": replace(real, clips=real.clips[torch.arange(len(rows))[:, None], orders]),
        "another_clips_caption": replace(real, rows=others),
    }


def scores_of(reader: JudgeReader, batch: SampleBatch) -> dict[str, dict[str, Any]]:
    """All scores that a batch has.

    Args:
        reader (`JudgeReader`): the judges.
        batch (`SampleBatch`): samples of EmojiMotion.

    Returns:
        `dict[str, dict]`: metric to its `Score` as a `dict`; metrics for which no sample counts are left out.
    """
    return _scores(reader(batch))


def _scores(features: Features) -> dict[str, dict[str, Any]]:
    return {
        metric.name: asdict(metric.compute(features, None))
        for metric in JUDGE_METRICS
        if metric.kind == JudgeReader.kind and metric.output in features and not features[metric.output].isnan().all()
    }
