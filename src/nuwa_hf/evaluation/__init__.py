# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Measuring what checkpoints and other programs generate; EmojiMotion's three frozen judges with their training."""

from typing import TYPE_CHECKING

from nuwa_hf.imports.lazy_names import lazy_names


if TYPE_CHECKING:
    from nuwa_hf.evaluation.compare_folders import compare
    from nuwa_hf.evaluation.evaluate_checkpoint import evaluate
    from nuwa_hf.evaluation.judges.clip_truth import ClipTruth
    from nuwa_hf.evaluation.judges.judge_networks import ClipJudge, FrameJudge
    from nuwa_hf.evaluation.judges.judge_reader import JudgeReader
    from nuwa_hf.evaluation.judges.judges import Judges
    from nuwa_hf.evaluation.judges.segment_judge import SegmentJudge
    from nuwa_hf.evaluation.protocols.protocol import load_protocol, protocol_names
    from nuwa_hf.evaluation.report import Report


__all__ = [
    "ClipJudge",
    "ClipTruth",
    "FrameJudge",
    "JudgeReader",
    "Judges",
    "Report",
    "SegmentJudge",
    "compare",
    "evaluate",
    "load_protocol",
    "protocol_names",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ClipJudge": f"{__name__}.judges.judge_networks",
        "ClipTruth": f"{__name__}.judges.clip_truth",
        "FrameJudge": f"{__name__}.judges.judge_networks",
        "JudgeReader": f"{__name__}.judges.judge_reader",
        "Judges": f"{__name__}.judges.judges",
        "Report": f"{__name__}.report",
        "SegmentJudge": f"{__name__}.judges.segment_judge",
        "compare": f"{__name__}.compare_folders",
        "evaluate": f"{__name__}.evaluate_checkpoint",
        "load_protocol": f"{__name__}.protocols.protocol",
        "protocol_names": f"{__name__}.protocols.protocol",
    },
)
