# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The metrics of the judges of EmojiMotion and Moving MNIST, and the likelihood of the true tokens.

Letters: B samples.
"""

from collections.abc import Callable

from torch import Tensor

from nuwa_hf.evaluation.metrics.class_counts import (
    frequency_weighted_iou_score,
    mean_iou_score,
    pixel_accuracy_score,
)
from nuwa_hf.evaluation.metrics.metric import Metric, Score
from nuwa_hf.evaluation.metrics.sample_scores import mean_score, share_score


def expected_score(chances: Tensor) -> Score:
    """What guessing scores on average. It is known, so it has no interval.

    Args:
        chances (`torch.Tensor` of shape `(B,)`): of each sample; not a number where it does not count.

    Returns:
        `Score`.
    """
    return Score(chances.nanmean().item(), int((~chances.isnan()).sum()))


def _metric(
    score: Callable[[Tensor], Score],
    name: str,
    title: str,
    output: str,
    chance: str | None = None,
    kind: str = "judges",
    better: str = "higher",
    digits: int = 3,
) -> Metric:
    return Metric(
        name,
        title,
        kind,
        output,
        better,
        lambda own, real: score(own[output]),
        digits=digits,
        chance=None if chance is None else lambda own: expected_score(own[chance]),
    )


JUDGE_METRICS: tuple[Metric, ...] = (
    _metric(share_score, "object", "Object", "right_object", "chance_object"),
    _metric(share_score, "background", "Background", "right_background", "chance_background"),
    _metric(share_score, "motion", "Motion", "right_motion", "chance_motion"),
    _metric(
        share_score,
        "motion-without-round-spin",
        "Motion without round spin",
        "right_motion_without_round_spin",
        "chance_motion",
    ),
    _metric(
        share_score, "object-and-motion", "Object and motion", "right_object_and_motion", "chance_object_and_motion"
    ),
    _metric(share_score, "every-frame", "Every frame", "every_frame"),
    _metric(share_score, "whole", "Whole", "whole"),
    _metric(mean_iou_score, "thing-iou", "IoU of things", "thing_counts"),
    _metric(pixel_accuracy_score, "pixel-accuracy:judges", "Pixel accuracy", "class_counts"),
    _metric(frequency_weighted_iou_score, "fwiou:judges", "FWIoU", "class_counts"),
    _metric(mean_score, "psnr-things", "PSNR of things (dB)", "psnr_things", digits=1),
    _metric(share_score, "digits", "Digits", "right_digits", kind="digits"),
    _metric(share_score, "digit-motion", "Motion of digits", "right_motion", kind="digits"),
    _metric(share_score, "digits-and-motion", "Digits and motion", "right_digits_and_motion", kind="digits"),
    _metric(mean_score, "nats", "Nats a token", "nats", "chance_nats", kind="likelihood", better="lower"),
)
