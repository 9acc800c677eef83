# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The metrics of EmojiMotion's judges, and the likelihood of the true tokens."""

from nuwa_hf.evaluation.features.feature_reader import Features
from nuwa_hf.evaluation.metrics.class_counts import (
    frequency_weighted_iou_score,
    mean_iou_score,
    pixel_accuracy_score,
)
from nuwa_hf.evaluation.metrics.metric import Metric, Score
from nuwa_hf.evaluation.metrics.sample_scores import mean_score, share_score


def _share(name: str, title: str, output: str, chance: str | None = None) -> Metric:
    def compute(features: Features, _: Features | None) -> Score:
        return share_score(features[output])

    return Metric(name, title, "judges", output, "higher", compute, chance=chance and _guess(chance))


def _of_class_maps(name: str, title: str, output: str, score) -> Metric:
    def compute(features: Features, _: Features | None) -> Score:
        return score(features[output])

    return Metric(name, title, "judges", output, "higher", compute)


def _mean(name: str, title: str, kind: str, output: str, better: str, digits: int, chance: str | None = None) -> Metric:
    def compute(features: Features, _: Features | None) -> Score:
        return mean_score(features[output])

    return Metric(name, title, kind, output, better, compute, digits=digits, chance=chance and _guess(chance))


def _guess(output: str):
    """What guessing scores on average; it is known, so it has no interval."""

    def chance(features: Features) -> Score:
        expected = features[output]
        return Score(expected.nanmean().item(), int((~expected.isnan()).sum()))

    return chance


JUDGE_METRICS: tuple[Metric, ...] = (
    _share("object", "Object", "right_object", "chance_object"),
    _share("background", "Background", "right_background", "chance_background"),
    _share("motion", "Motion", "right_motion", "chance_motion"),
    _share(
        "motion-without-round-spin", "Motion without round spin", "right_motion_without_round_spin", "chance_motion"
    ),
    _share("object-and-motion", "Object and motion", "right_object_and_motion", "chance_object_and_motion"),
    _share("every-frame", "Every frame", "every_frame"),
    _share("whole", "Whole", "whole"),
    _of_class_maps("thing-iou", "IoU of things", "thing_counts", mean_iou_score),
    _of_class_maps("pixel-accuracy:judges", "Pixel accuracy", "class_counts", pixel_accuracy_score),
    _of_class_maps("fwiou:judges", "FWIoU", "class_counts", frequency_weighted_iou_score),
    _mean("psnr-things", "PSNR of things (dB)", "judges", "psnr_things", "higher", digits=1),
    _mean("nats", "Nats a token", "likelihood", "nats", "lower", digits=3, chance="chance_nats"),
)
