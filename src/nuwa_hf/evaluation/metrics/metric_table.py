# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""All metrics by name."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from torch import Tensor

from nuwa_hf.evaluation.features.eval_libraries import import_library
from nuwa_hf.evaluation.features.feature_reader import FeatureReader, Features
from nuwa_hf.evaluation.metrics.class_counts import (
    frequency_weighted_iou_score,
    mean_iou_score,
    pixel_accuracy_score,
)
from nuwa_hf.evaluation.metrics.frechet_distance import frechet_score
from nuwa_hf.evaluation.metrics.inception_score import inception_score
from nuwa_hf.evaluation.metrics.judge_metrics import JUDGE_METRICS
from nuwa_hf.evaluation.metrics.kernel_distance import kernel_distance_score
from nuwa_hf.evaluation.metrics.metric import Metric, Score
from nuwa_hf.evaluation.metrics.precision_recall import FEWEST_SAMPLES, precision_score, recall_score
from nuwa_hf.evaluation.metrics.sample_scores import mean_score, share_score


# Samples that a metric needs for its usual meaning. A Frechet distance falls as sets grow, and the published ones are
# of this many or more; so do recall and the Inception score rise. Intervals of means hold from some dozens on.
PICTURES, CLIPS, KERNEL, MEAN = 10_000, 2_048, 1_000, 30
KINDS_OF_CLIPS = ("i3d", "videomae")


def _of_samples(score: Callable[[Tensor], Score], name, title, kind, output, better, **settings) -> Metric:
    return Metric(name, title, kind, output, better, lambda own, real: score(own[output]), **settings)


def _of_sets(score: Callable[[Tensor, Tensor], Score], name, title, kind, output, better, **settings) -> Metric:
    def compute(own: Features, real: Features | None) -> Score:
        return score(own[output], real[output])

    return Metric(name, title, kind, output, better, compute, compares=True, uses_extra=True, **settings)


def _frechet(name, title, kind, output="features") -> Metric:
    least_samples = CLIPS if kind in KINDS_OF_CLIPS else PICTURES
    return _of_sets(frechet_score, name, title, kind, output, "lower", least_samples=least_samples, digits=2)


def _mean(name, title, kind, output, better, digits=3) -> Metric:
    return _of_samples(mean_score, name, title, kind, output, better, least_samples=MEAN, digits=digits)


def _share(name, title, kind, output) -> Metric:
    return _of_samples(share_score, name, title, kind, output, "higher", least_samples=MEAN)


def _kid(name, title, kind, output="features") -> Metric:
    return _of_sets(kernel_distance_score, name, title, kind, output, "lower", least_samples=KERNEL, digits=5)


def _precision(name, title, kind, output="features") -> Metric:
    return _of_sets(
        precision_score, name, title, kind, output, "higher", least_samples=PICTURES, fewest_samples=FEWEST_SAMPLES
    )


def _recall(name, title, kind, output="features") -> Metric:
    return _of_sets(
        recall_score, name, title, kind, output, "higher", least_samples=PICTURES, fewest_samples=FEWEST_SAMPLES
    )


def _class_map(score, name, title, kind, output="class_counts") -> Metric:
    return _of_samples(score, name, title, kind, output, "higher", least_samples=MEAN)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _frechet("fid", "FID", "inception"),
        _kid("kid", "KID", "inception"),
        _of_samples(
            inception_score,
            "is",
            "IS",
            "inception",
            "logits",
            "higher",
            least_samples=PICTURES,
            digits=2,
            uses_extra=True,
        ),
        _precision("precision", "Precision", "inception"),
        _recall("recall", "Recall", "inception"),
        _frechet("fid-img", "FID-img", "inception"),
        _frechet("fid-vid", "FID-vid", "i3d"),
        _frechet("fvd", "FVD", "i3d"),
        _mean("clipsim", "CLIPSIM", "clip", "cosines", "higher", digits=4),
        _share("accuracy", "Accuracy", "classifier", "right"),
        _share("accuracy-top5", "Top-5 accuracy", "classifier", "right_top5"),
        _class_map(pixel_accuracy_score, "pixel-accuracy", "Pixel accuracy", "segmenter"),
        _class_map(frequency_weighted_iou_score, "fwiou", "FWIoU", "segmenter"),
        _class_map(mean_iou_score, "miou", "Mean IoU", "segmenter"),
        _mean("psnr", "PSNR (dB)", "pixels", "psnr", "higher", digits=2),
        _mean("ssim", "SSIM", "pixels", "ssim", "higher", digits=4),
        _mean("mse", "MSE", "pixels", "mse", "lower", digits=5),
        _mean("kept", "Kept", "pixels", "kept", "higher", digits=4),
        _mean("seam", "Seam", "pixels", "seam", "lower", digits=4),
        _mean("lpips", "LPIPS", "lpips", "distance", "lower", digits=4),
        *JUDGE_METRICS,
    )
}

# On weights other than those of published figures, a metric has its general name.
GENERAL_TITLES = {
    **dict.fromkeys(("fid", "fid-img", "fid-vid", "fvd"), "Frechet distance"),
    "kid": "Kernel distance",
    "is": "Inception score",
}

# Name before the colon to how the metric is made from name, title, kind and output, and the title without a reader.
FAMILIES: dict[str, tuple[Callable[..., Metric], str]] = {
    "frechet": (_frechet, "Frechet distance"),
    "kid": (_kid, "Kernel distance"),
    "precision": (_precision, "Precision"),
    "recall": (_recall, "Recall"),
}
_FAMILY = re.compile(rf"({'|'.join(FAMILIES)}):([a-z0-9_@-]+)(?:\.(\w+))?")
_BLURRED_FID = re.compile(r"fid@(\d+)")


def resolve_metrics(names: Sequence[str], readers: Mapping[str, FeatureReader] | None = None) -> list[Metric]:
    """The metrics that names stand for.

    Beside the names of `METRICS` there are:

    - `fid@K`: the FID of pictures that are blurred on both sides by a Gaussian of radius K pixels; it reads the kind
      `inception@K`, with K = 0 the kind `inception`.
    - `frechet:KIND`, `kid:KIND`, `precision:KIND`, `recall:KIND`: on the output `features` of any kind of reader, or
      on another one as `frechet:KIND.OUTPUT`. Their titles name the reader: they are no FID and no KID.

    Args:
        names (`Sequence[str]`): at least one, none twice.
        readers (`Mapping[str, FeatureReader]`, *optional*): by kind, for titles; else the kind stands for its reader.

    Returns:
        `list[Metric]`: in the order of the names.

    Raises:
        ValueError: If a name is unknown or given twice, there is none, or a package of the extra `eval` is needed and
            not there.
    """
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`metrics` must hold at least one name and none twice, got {list(names)}.")
    metrics = [_resolve(name, readers or {}) for name in names]
    if any(metric.uses_extra for metric in metrics):
        for library in ("torch_fidelity", "scipy.stats"):  # so that what is missing is known before any work
            import_library(library)
    return metrics


def _named_after(metric: Metric, readers: Mapping[str, FeatureReader]) -> Metric:
    """A metric with a title that is true of its reader's weights."""
    reader = readers.get(metric.kind)
    if reader is None or reader.has_published_weights:
        return metric
    title = GENERAL_TITLES.get(metric.name.partition("@")[0], metric.title)
    return replace(metric, title=f"{title} ({reader.title})")


def _resolve(name: str, readers: Mapping[str, FeatureReader]) -> Metric:
    if name in METRICS:
        return _named_after(METRICS[name], readers)
    if match := _BLURRED_FID.fullmatch(name):
        radius = int(match[1])
        kind = f"inception@{radius}" if radius else "inception"
        return _named_after(replace(METRICS["fid"], name=name, title=f"FID-{radius}", kind=kind), readers)
    if match := _FAMILY.fullmatch(name):
        family, kind, output = match.groups()
        make, title = FAMILIES[family]
        reader = (readers[kind].title if kind in readers else kind) + (f", {output}" if output else "")
        return make(name, f"{title} ({reader})", kind, output or "features")
    patterns = ["fid@K", *(f"{family}:KIND" for family in FAMILIES)]
    near = get_close_matches(name, METRICS, n=1)
    raise ValueError(
        f"`metrics` must be among {', '.join([*METRICS, *patterns])}, got {name!r}"
        + (f"; did you mean {near[0]!r}?" if near else "; choose one of these.")
    )
