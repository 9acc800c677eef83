# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Scores of generated samples, and EmojiMotion's three frozen judges with their training."""

from nuwa_hf.evaluation.judges.clip_truth import ClipTruth
from nuwa_hf.evaluation.judges.judge_networks import ClipJudge, FrameJudge
from nuwa_hf.evaluation.judges.judge_reader import JudgeReader
from nuwa_hf.evaluation.judges.judges import Judges
from nuwa_hf.evaluation.judges.segment_judge import SegmentJudge


__all__ = ["ClipJudge", "ClipTruth", "FrameJudge", "JudgeReader", "Judges", "SegmentJudge"]
