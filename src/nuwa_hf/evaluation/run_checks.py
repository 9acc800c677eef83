# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a run may ask for, given the sizes at which its samples are made and measured."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from nuwa_hf import pipelines
from nuwa_hf.evaluation.feature_store import LIKELIHOOD, fields_of
from nuwa_hf.evaluation.metrics.metric import Metric
from nuwa_hf.evaluation.protocols.run import SAMPLING_OPTIONS, Run
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.tasks import get_task


# Options that say what is generated, and how.
OF_GENERATING = ("seeds", "candidates", "scorer", "given_frames", "mask", *SAMPLING_OPTIONS)
# Fields of a real sample that a metric holds against the one sample that stands for it.
OF_ONE_BY_ONE = {"references", "sketches"}


def check_options_are_read(runs: Sequence[Run], options: Mapping[str, Any], is_codec: bool) -> None:
    """Check that every option that was given has an effect, so that no report names one that had none.

    Args:
        runs (`Sequence[Run]`): what is asked for.
        options (`Mapping[str, Any]`): what the user gave; None where that is nothing.
        is_codec (`bool`): whether a codec alone is measured.

    Raises:
        ValueError: If one has none.
    """
    unread, rule = (), ""
    if is_codec or not any(run.rows for run in runs):
        unread, rule = OF_GENERATING, "left out where nothing is generated"
    elif all(get_task(run.task).condition == "none" for run in runs):
        tasks = ", ".join(dict.fromkeys(get_task(run.task).name for run in runs))
        unread, rule = ("guidance_scale",), f"left out of {tasks}, which has no condition to guide to"
    for name in unread:
        if options.get(name) is not None:
            raise ValueError(f"`{name}` must be {rule}, got {options[name]!r}; drop it.")


def check_run(
    run: Run,
    metrics: Sequence[Metric],
    pipeline: NuwaPipelineBase | None,
    made: Mapping[str, Any],
    measured: Mapping[str, Any],
) -> None:
    """Check that a run's task, metrics, sizes and checkpoint fit together, before its data set is opened.

    Args:
        run (`Run`): what is asked for.
        metrics (`Sequence[Metric]`): its metrics.
        pipeline (`NuwaPipelineBase`, *optional*): the checkpoint.
        made (`Mapping[str, Any]`): height, width, frames and frame rate at which samples are made.
        measured (`Mapping[str, Any]`): those at which they are measured.

    Raises:
        ValueError: If they do not.
    """
    _check_frame_rate(run, metrics, made, measured)
    _check_given_pixels(metrics, made, measured)
    _check_aspect(metrics, made, measured)
    if pipeline is not None:
        _check_candidates(run)
        _check_likelihood(run, metrics, pipeline, made)


def check_same_rows(real: RealSamples, measured: RealSamples) -> None:
    """Check that the real samples are of the same rows at both sizes and rates.

    Args:
        real (`RealSamples`): at the size and rate at which samples are made.
        measured (`RealSamples`): at those at which they are measured.

    Raises:
        ValueError: If a row can be used at one of them alone.
    """
    if real.numbers == measured.numbers:
        return
    others = {one.file for one in real.left_out} ^ {one.file for one in measured.left_out}
    raise ValueError(
        f"`frame_rate` must be one at which the same clips can be used as at the checkpoint's "
        f"{real.size.frame_rate:g}, got {measured.size.frame_rate:g}, with {len(others)} that are left out at one of "
        f"the two, such as {', '.join(sorted(others)[:3])}; leave it out, or take these clips out of the data."
    )


def has_same_aspect(made: tuple[int, int], measured: tuple[int, int]) -> bool:
    """Whether two sizes have one aspect, as near as whole pixels allow; else resizing cuts out the middle of frames.

    Args:
        made (`tuple[int, int]`): rows and columns of frames.
        measured (`tuple[int, int]`): those to which they are resized.

    Returns:
        `bool`.
    """
    (rows, columns), (height, width) = made, measured
    return 2 * abs(height * columns - width * rows) <= max(rows, columns)


def _paired(metrics: Sequence[Metric]) -> list[str]:
    """The metrics that hold each sample, as it is measured, against the real one that it stands for."""
    return [metric.name for metric in metrics if metric.kind != LIKELIHOOD and fields_of(metric) & OF_ONE_BY_ONE]


def _check_frame_rate(
    run: Run, metrics: Sequence[Metric], made: Mapping[str, Any], measured: Mapping[str, Any]
) -> None:
    """What stands for a real sample, or is held against it alone, must be of the same times."""
    if made["frame_rate"] == measured["frame_rate"]:
        return
    task = get_task(run.task)
    if task.known != "nothing" or task.condition != "text":
        what = task.name
    elif paired := _paired(metrics):
        what = ", ".join(paired)
    else:
        return
    raise ValueError(
        f"`frame_rate` must be that of the checkpoint for {what}, {made['frame_rate']:g}, got "
        f"{measured['frame_rate']:g}; leave it out."
    )


def _check_given_pixels(metrics: Sequence[Metric], made: Mapping[str, Any], measured: Mapping[str, Any]) -> None:
    """Pixels that are resized once more are no longer those that were given."""
    names = [metric.name for metric in metrics if "hidden" in fields_of(metric)]
    sizes = [f"{size['height']}x{size['width']}" for size in (made, measured)]
    if names and sizes[0] != sizes[1]:
        raise ValueError(
            f"`height` and `width` must be those of the checkpoint for {', '.join(names)}, {sizes[0]}, got "
            f"{sizes[1]}; leave them out, or leave out these metrics."
        )


def _check_aspect(metrics: Sequence[Metric], made: Mapping[str, Any], measured: Mapping[str, Any]) -> None:
    """Real samples are cut from their files: at another aspect they show more, or less, than what is cut from ours."""
    sizes = [(size["height"], size["width"]) for size in (made, measured)]
    if (names := _paired(metrics)) and not has_same_aspect(*sizes):
        shown = ["{}x{}".format(*size) for size in sizes]
        raise ValueError(
            f"`height` and `width` must have the aspect of the checkpoint's {shown[0]} for {', '.join(names)}, got "
            f"{shown[1]}; give others, or leave out these metrics."
        )


def _check_candidates(run: Run) -> None:
    task = get_task(run.task)
    can_choose = "num_candidates" in inspect.signature(getattr(pipelines, task.pipeline).__call__).parameters
    most = max((options.get("candidates", 1) for options in run.rows.values()), default=1)
    if most > 1 and not can_choose:
        raise ValueError(
            f"`candidates` must be left out of {task.name}, which has no text to judge them by, got {most}; drop it."
        )


def _check_likelihood(
    run: Run, metrics: Sequence[Metric], pipeline: NuwaPipelineBase, made: Mapping[str, Any]
) -> None:
    """The tokens of a longer video are drawn chunk by chunk, and have no likelihood as a whole."""
    names = [metric.name for metric in metrics if metric.kind == LIKELIHOOD]
    is_long = run.output == "video" and made["num_frames"] > pipeline.max_frames
    if names and run.rows and is_long:
        raise ValueError(
            f"`num_frames` must be at most the checkpoint's {pipeline.max_frames} for {', '.join(names)}, got "
            f"{made['num_frames']}; leave it out, or leave out this metric."
        )
