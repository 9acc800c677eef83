# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""EmojiMotion's judges in the table of kinds of features."""

from nuwa_hf.evaluation.features.feature_kinds import FeatureKind
from nuwa_hf.evaluation.judges.judge_reader import JudgeReader


ROWS = frozenset({"rows"})
OF_ROWS = (
    *(
        "right_object",
        "right_background",
        "right_motion",
        "right_motion_without_round_spin",
        "right_object_and_motion",
    ),
    *("every_frame", "whole", "frame_features", "clip_features"),
)

JUDGES = FeatureKind(
    title="EmojiMotion's judges",
    read=lambda path, device: JudgeReader.open(path, device),
    outputs={
        **dict.fromkeys(OF_ROWS, ROWS),
        **dict.fromkeys(("class_counts", "thing_counts"), ROWS | {"sketches"}),
        "psnr_things": ROWS | {"references"},
    },
    path="folder",
    source="`nuwa-hf train-judges`",
)
