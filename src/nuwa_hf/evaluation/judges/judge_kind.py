# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The judges of EmojiMotion and of Moving MNIST in the table of kinds of features."""

from nuwa_hf.evaluation.features.feature_kinds import CAPTIONS, FeatureKind
from nuwa_hf.evaluation.judges.digit_reader import DigitReader
from nuwa_hf.evaluation.judges.judge_reader import OF_CLASS_MAPS, OF_CLIPS, JudgeReader


ROWS = frozenset({"rows"})

JUDGES = FeatureKind(
    title="EmojiMotion's judges",
    read=JudgeReader.open,
    outputs={
        **dict.fromkeys(("right_object", "right_background", "frame_features", *sorted(OF_CLIPS)), ROWS),
        **dict.fromkeys(sorted(OF_CLASS_MAPS), ROWS | {"sketches"}),
        "psnr_things": ROWS | {"references"},
    },
    path="folder",
    source="`nuwa-hf train-judges`",
)

DIGITS = FeatureKind(
    title="the judge of Moving MNIST",
    read=DigitReader.open,
    outputs=dict.fromkeys(
        ("features", "frame_features", "right_digits", "right_motion", "right_digits_and_motion"), CAPTIONS
    ),
    path="folder",
    source="`nuwa-hf train-judges --dataset moving-mnist`",
)
