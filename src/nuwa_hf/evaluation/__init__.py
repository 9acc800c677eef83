# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Two frozen judges, what they are trained by, and the scores of generated clips."""

from .judges import ClipJudge, FrameJudge, Judges, Verdicts
from .scores import Accuracy, ClipTruth, chance, frechet_distance, psnr, score_verdicts, wilson_interval


__all__ = [
    "Accuracy",
    "ClipJudge",
    "ClipTruth",
    "FrameJudge",
    "Judges",
    "Verdicts",
    "chance",
    "frechet_distance",
    "psnr",
    "score_verdicts",
    "wilson_interval",
]
