# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Three frozen judges, what they are trained by, and the scores of generated clips."""

from .distances import frechet_distance, psnr
from .judge_networks import ClipJudge, FrameJudge
from .judges import Judges, Verdicts
from .scores import Accuracy, ClipTruth, chance, score_frames, score_verdicts, wilson_interval
from .segment_judge import SegmentJudge
from .segment_scores import score_class_maps


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
