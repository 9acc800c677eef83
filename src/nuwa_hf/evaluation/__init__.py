# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Three frozen judges, their training, and the scores of generated clips."""

from nuwa_hf.evaluation.judges.judge_networks import ClipJudge, FrameJudge
from nuwa_hf.evaluation.judges.judges import Judges, Verdicts
from nuwa_hf.evaluation.judges.segment_judge import SegmentJudge
from nuwa_hf.evaluation.judges.sketch_scores import score_class_maps
from nuwa_hf.evaluation.judges.verdict_scores import (
    Accuracy,
    ClipTruth,
    chance,
    score_frames,
    score_verdicts,
    wilson_interval,
)
from nuwa_hf.metrics.frechet_distance import frechet_distance
from nuwa_hf.metrics.psnr import psnr


__all__ = [
    "Accuracy",
    "ClipJudge",
    "ClipTruth",
    "FrameJudge",
    "Judges",
    "SegmentJudge",
    "Verdicts",
    "chance",
    "frechet_distance",
    "psnr",
    "score_class_maps",
    "score_frames",
    "score_verdicts",
    "wilson_interval",
]
