# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Compare two folders of images or clips, whatever program made them: `nuwa-hf compare`, and `compare` in Python."""

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuwa_hf.datasets.left_out import left_out_summary
from nuwa_hf.device_choice import choose_device
from nuwa_hf.evaluation.evaluate_arguments import build_compare_parser, parse_compare_arguments
from nuwa_hf.evaluation.feature_store import (
    LIKELIHOOD,
    FeaturePaths,
    FeatureStore,
    check_batch_size,
    fields_of,
    open_metrics,
    readable,
)
from nuwa_hf.evaluation.measure_run import half_against_half
from nuwa_hf.evaluation.measured_samples import MeasuredSamples
from nuwa_hf.evaluation.metrics.compute_metrics import compute_metrics
from nuwa_hf.evaluation.protocols.run import Run
from nuwa_hf.evaluation.report import (
    Report,
    RunReport,
    check_report_files,
    check_require,
    features_used,
    say_unmet,
)
from nuwa_hf.evaluation.samples.distinct_clips import few_clips
from nuwa_hf.evaluation.samples.sample_folder import SampleFolder
from nuwa_hf.evaluation.samples.sample_set import SampleSet
from nuwa_hf.exit_status import exit_status


logger = logging.getLogger(__name__)

SAME_RATE = 1.05  # rates that are nearer count as one: formats round the times of frames


def compare(
    generated: str | Path | SampleSet,
    real: str | Path | SampleSet,
    metrics: Sequence[str],
    *,
    features: FeaturePaths = (),
    height: int | None = None,
    width: int | None = None,
    num_frames: int | None = None,
    frame_rate: float | None = None,
    cache_dir: str | Path | None = None,
    batch_size: int = 16,
    output: str | Path | None = None,
    require: Mapping[str, float] | None = None,
    device: str = "cpu",
) -> Report:
    """Measure one set of samples against another.

    Metrics that compare sample by sample, such as PSNR, take the two sets in the order of their files' names, of which
    none may be broken; captions and classes are read from the folder of `generated`, as a data set has them.

    Args:
        generated (`str`, `Path` or `SampleSet`): a folder of images or clips, or a set.
        real (`str`, `Path` or `SampleSet`): what it is compared with.
        metrics (`Sequence[str]`): names of metrics.
        features (`Mapping[str, str | None]` or `Sequence[str]`, defaults to `()`): the network of each kind.
        height (`int`, *optional*): rows of the frames of both folders; as they are if left out.
        width (`int`, *optional*): columns of the frames, likewise.
        num_frames (`int`, *optional*): the first frames of each clip; all if left out.
        frame_rate (`float`, *optional*): frames a second of both folders, with `num_frames`; each frame of a file if
            left out, with a warning if the first files have other rates.
        cache_dir (`str` or `Path`, *optional*): where features are kept; nowhere if left out.
        batch_size (`int`, defaults to 16): samples at once.
        output (`str` or `Path`, *optional*): JSON report.
        require (`Mapping[str, float]`, *optional*): metric to the value that is still good enough; `report.unmet` says
            what misses it.
        device (`str`, defaults to `"cpu"`): where features are read.

    Returns:
        `Report`: with the rows `generated` and `real`, the latter for what the metrics themselves can reach.

    Raises:
        ValueError: If something is missing or does not fit.
        OSError: If `output` cannot be written.

    Example:
        >>> compare("generated", "real", ["frechet:efficientnet"], features=["efficientnet"])  # doctest: +SKIP
    """
    check_require(require or {}, metrics)
    check_report_files(output)
    check_batch_size(batch_size)
    known, readers = open_metrics(list(metrics), features, device)
    for name, metric in known.items():
        if metric.kind == LIKELIHOOD:
            raise ValueError(
                f"`metrics` must be such as two folders have, got {name!r}, which asks the checkpoint; leave it out, "
                "or use `nuwa-hf evaluate`."
            )
    size = {"height": height, "width": width, "num_frames": num_frames, "frame_rate": frame_rate}
    samples = _as_set(generated, "generated", size)
    truth = _as_set(real, "real", size)
    _check_shapes(samples, truth)
    clips = getattr(truth, "clips", range(len(truth)))
    warnings = [*_other_rates(samples, truth), *few_clips("real", clips)]
    labels = getattr(samples, "labels", None)
    of_truth = readable(known.values(), truth.has)
    if any("references" in fields_of(metric) for metric in known.values()):
        _check_pairs(samples, truth)
        samples = MeasuredSamples(samples, truth)
    store = FeatureStore(readers, None if cache_dir is None else Path(cache_dir), batch_size)
    store.check(known.values(), samples)
    store.check([metric for metric in known.values() if metric.compares], truth)
    store.check_labels(known.values(), labels)
    store.check_labels(of_truth, getattr(truth, "labels", None))
    run = Run(name="generated against real", num_samples=len(samples), metrics=tuple(metrics))
    compared = [metric for metric in known.values() if metric.compares]
    real_features = store.read([metric.kind for metric in (*compared, *of_truth)], truth)
    of_samples = store.read([metric.kind for metric in known.values()], samples)
    rows = {"generated": compute_metrics(list(known.values()), of_samples, real_features)}
    if limits := half_against_half(of_truth, real_features, clips):
        rows["real"] = limits
    settings = {"generated": _named(generated), "real": _named(real), "features": features_used(readers)}
    report = Report(settings, known, [RunReport(run, truth.digest, rows, warnings)], dict(require or {}))
    if output is not None:
        report.save(output)
    return report


build_parser = build_compare_parser  # under the name that every command has


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print the table or JSON, and write the report.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `int`: 0, or 1 if a requirement is not met; the last line on stderr then says which, and by how much.
    """
    arguments = vars(parse_compare_arguments(argv))
    markdown, is_json = arguments.pop("markdown"), arguments.pop("json")
    check_report_files(arguments["output"], markdown)
    arguments["device"] = str(choose_device(arguments["device"]))
    report = compare(**arguments)
    sys.stdout.write(report.to_json() if is_json else f"{report}\n")
    if markdown is not None:
        report.save_markdown(markdown)
    return say_unmet(report)


def _as_set(given: str | Path | SampleSet, name: str, size: dict[str, float | None]) -> SampleSet:
    return SampleFolder.open(given, name=name, **size) if isinstance(given, str | Path) else given


def _check_shapes(samples: SampleSet, truth: SampleSet) -> None:
    own, other = (f"{one.num_frames} of {one.height}x{one.width}" for one in (samples, truth))
    if own != other:
        raise ValueError(
            f"`generated` and `real` must have one size and one number of frames, got {own} and {other}; give "
            "`height`, `width` and `num_frames`."
        )


def _check_pairs(samples: SampleSet, truth: SampleSet) -> None:
    for name, one in (("generated", samples), ("real", truth)):
        if isinstance(one, SampleFolder) and one.left_out:
            raise ValueError(
                f"`{name}` must have no broken file for metrics that compare one by one, got {len(one.left_out)} "
                f"({left_out_summary(one.left_out)}); mend them, or take each pair out of both folders."
            )
    if len(samples) != len(truth):
        raise ValueError(
            f"`real` must have as many samples as `generated` for metrics that compare one by one, got "
            f"{len(truth)} for {len(samples)}; leave those metrics out, or give pairs."
        )


def _other_rates(samples: SampleSet, truth: SampleSet) -> list[str]:
    """A warning where frames of other times stand beside each other."""
    if samples.num_frames == 1 or not (isinstance(samples, SampleFolder) and isinstance(truth, SampleFolder)):
        return []
    rates = [samples.frame_rate, truth.frame_rate]
    if None in rates or max(rates) <= SAME_RATE * min(rates):
        return []
    warning = (
        f"The first clips of the two folders have {rates[0]:g} and {rates[1]:g} frames a second, so that frames of "
        "other times are compared; give `frame_rate` and `num_frames`."
    )
    logger.warning(warning)
    return [warning]


def _named(given: str | Path | SampleSet) -> str:
    return str(given) if isinstance(given, str | Path) else given.name


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
