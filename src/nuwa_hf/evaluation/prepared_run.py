# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A run with all that it needs, checked before anything is generated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.evaluation.feature_store import LIKELIHOOD, FeatureStore
from nuwa_hf.evaluation.judges.changed_captions import ChangedSamples, change_captions
from nuwa_hf.evaluation.metrics.metric import Metric
from nuwa_hf.evaluation.protocols.run import Run
from nuwa_hf.evaluation.run_checks import check_run, check_same_rows, has_same_aspect
from nuwa_hf.evaluation.samples.distinct_clips import few_clips
from nuwa_hf.evaluation.samples.open_source import drawn_clips, own_split
from nuwa_hf.evaluation.samples.real_samples import RealSamples
from nuwa_hf.evaluation.samples.task_inputs import TaskInputs, task_inputs
from nuwa_hf.evaluation.samples.through_codec import ThroughCodec
from nuwa_hf.pipelines import NuwaPipelineBase


@dataclass(frozen=True)
class DataChoice:
    """Which data set, and what is read of it.

    Args:
        dataset (`Any`): as `RealSamples.open` takes it.
        split (`str`, *optional*): of runs that name none; a data set that is open has its own.
        setting (`str`, defaults to `"small-128"`): of `"emoji-motion"`.
        columns (`Mapping[str, str]`): further arguments of `RealSamples.open`.
        needs (`str`, defaults to `""`): what a protocol says of the data, for errors.
    """

    dataset: Any
    split: str | None = None
    setting: str = "small-128"
    columns: Mapping[str, Any] = field(default_factory=dict)
    needs: str = ""

    def open(self, run: Run, size: Mapping[str, Any], num_classes: int | None) -> RealSamples:
        """The real samples of a run.

        Args:
            run (`Run`): the run.
            size (`Mapping[str, Any]`): height, width, frames and their rate.
            num_classes (`int`, *optional*): of the sketches that the checkpoint reads.

        Returns:
            `RealSamples`.

        Raises:
            ValueError: If the data set cannot be opened, or has too few usable samples.
        """
        try:
            return RealSamples.open(
                self.dataset,
                num_samples=run.num_samples,
                still=run.output == "image",
                split=run.split or self.split,
                setting=self.setting,
                num_classes=num_classes,
                **size,
                **self.columns,
            )
        except ValueError as error:
            if not self.needs:
                raise
            raise ValueError(f"{error} The protocol needs: {self.needs}") from error


@dataclass(frozen=True)
class PreparedRun:
    """A run, its real samples and the inputs of each row.

    Args:
        run (`Run`): what is asked for.
        metrics (`tuple[Metric, ...]`): in the order of the columns.
        real (`RealSamples`): at the size of the checkpoint.
        measured (`RealSamples`): the same at the size at which samples are measured.
        coded (`ThroughCodec`): the real samples through the codec; generated ones have the same fields.
        inputs (`Mapping[str, TaskInputs]`): of each row of generated samples.
        changed (`ChangedSamples`, *optional*): what is asked for where it is not what the samples show.
    """

    run: Run
    metrics: tuple[Metric, ...]
    real: RealSamples
    measured: RealSamples
    coded: ThroughCodec
    inputs: Mapping[str, TaskInputs]
    changed: ChangedSamples | None = None

    @property
    def warnings(self) -> list[str]:
        """What to know of the real samples before figures are compared with others."""
        warnings = few_clips("real", self.measured.clips)
        shown, num_labels = len({*self.measured.labels} - {None}), self.measured.num_labels
        if num_labels is not None and shown < num_labels:
            warnings.append(
                f"The real samples are the first rows, which have {shown:,} of the data set's {num_labels:,} classes."
            )
        rates = [f"{real.size.frame_rate:g}" for real in (self.real, self.measured)]
        if rates[0] != rates[1]:
            made, measured = rates
            warnings.append(f"Samples are made at {made} frames a second, and measured by real ones at {measured}.")
        sizes = [(real.height, real.width) for real in (self.real, self.measured)]
        if not has_same_aspect(*sizes):
            made, measured = ("{}x{}".format(*size) for size in sizes)
            warnings.append(
                f"Samples are made at {made} and cut to the aspect of {measured}, at which they are measured by real "
                "ones that were cut from other parts of their frames."
            )
        return warnings


def prepare_run(
    run: Run,
    data: DataChoice,
    pipeline: NuwaPipelineBase | None,
    vqgan: torch.nn.Module,
    metrics: Mapping[str, Metric],
    store: FeatureStore,
) -> PreparedRun:
    """Open the real samples of a run, make its inputs, and check that they have what its metrics need.

    Args:
        run (`Run`): what is asked for.
        data (`DataChoice`): the data set.
        pipeline (`NuwaPipelineBase`, *optional*): the checkpoint; None to measure a codec alone.
        vqgan (`torch.nn.Module`): the codec, that of the checkpoint if there is one.
        metrics (`Mapping[str, Metric]`): by name, those of the run among them.
        store (`FeatureStore`): the readers that they need.

    Returns:
        `PreparedRun`.

    Raises:
        ValueError: If something is missing or does not fit.
    """
    if (pipeline is None or not run.rows) and all(metrics[name].kind == LIKELIHOOD for name in run.metrics):
        raise ValueError(
            f"`metrics` must be such as a codec has where nothing is generated, got {', '.join(run.metrics)}, which "
            "asks the transformer; add others, or give a checkpoint."
        )
    of_run = tuple(metrics[name] for name in run.metrics)
    made, measured_at = clip_sizes(run, data, pipeline)
    check_run(run, of_run, pipeline, made, measured_at)
    reads_sketches = pipeline is not None and pipeline.sketch_vqgan is not None
    num_classes = pipeline.sketch_codec.in_channels if reads_sketches else None
    real = data.open(run, made, num_classes)
    measured = real if made == measured_at else data.open(run, measured_at, num_classes)
    check_same_rows(real, measured)
    changed = None
    if run.captions != "own":
        changed = _change(run, real)
        taken = real.take(changed.places)
        real, measured = taken, taken if measured is real else measured.take(changed.places)
    inputs = {}
    if pipeline is not None:
        inputs = {
            name: _inputs(run, options, real, pipeline, None if changed is None else changed.prompts)
            for name, options in run.rows.items()
        }
    coded = ThroughCodec(real, vqgan, next(iter(inputs.values()), None))
    prepared = PreparedRun(run, of_run, real, measured, coded, inputs, changed)
    store.check(prepared.metrics, prepared.coded)
    store.check_labels(prepared.metrics, measured.labels)
    return prepared


def setting_and_split(data: DataChoice, prepared: Sequence[PreparedRun]) -> dict[str, str | None]:
    """What a report says of the data set beside its name.

    Args:
        data (`DataChoice`): the data set.
        prepared (`Sequence[PreparedRun]`): the runs on it.

    Returns:
        `dict[str, str | None]`: `setting`, that of EmojiMotion if it has a name; `split`, that of the runs that name
        none, where it is known.
    """
    drawn = prepared[0].real.drawn
    setting = drawn.setting if isinstance(drawn, EmojiMotion) else None
    unnamed = [one.real for one in prepared if one.run.split is None]
    split = None
    if unnamed:
        split = own_split(data.dataset if drawn is None else unnamed[0].drawn) or data.split
    return {"setting": next((name for name, one in SETTINGS.items() if one == setting), None), "split": split}


def clip_sizes(run: Run, data: DataChoice, pipeline: NuwaPipelineBase | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Height, width, frames and frame rate at which samples are made, and at which they are measured.

    Args:
        run (`Run`): what is asked for.
        data (`DataChoice`): the data set.
        pipeline (`NuwaPipelineBase`, *optional*): the checkpoint.

    Returns:
        `tuple[dict[str, Any], dict[str, Any]]`: arguments of `RealSamples.open`.

    Raises:
        ValueError: If neither the run, nor a checkpoint, nor the data set says one of them.
    """
    made: dict[str, Any] = dict.fromkeys(("height", "width", "num_frames", "frame_rate"))
    if pipeline is not None:
        height, width = pipeline.image_size
        num_frames = pipeline.transformer.config.visual_grid[0]
        made = {"height": height, "width": width, "num_frames": num_frames, "frame_rate": pipeline.frame_rate}
    elif (drawn := drawn_clips(data.dataset, split=None, setting=data.setting)) is not None:
        made = drawn.clip_size
    asked = {name: getattr(run, name) for name in made if getattr(run, name) is not None}
    measured = {**made, **asked}
    if pipeline is None:
        made = measured
    made["num_frames"] = measured["num_frames"]
    for name, value in measured.items():
        if value is None:
            raise ValueError(f"`{name}` must be given where there is no checkpoint to say it, got none; add --{name}.")
    return made, measured


def _inputs(
    run: Run, options: Mapping[str, Any], real: RealSamples, pipeline: NuwaPipelineBase, prompts: Sequence[str] | None
) -> TaskInputs:
    return task_inputs(
        run.task,
        real,
        pipeline,
        prompts=prompts,
        use_text=options.get("text"),
        mask=run.mask,
        given_frames=run.given_frames,
        condition_on_known=options.get("condition_on_known"),
    )


def _change(run: Run, real: RealSamples) -> ChangedSamples:
    real.require("rows", f"a caption that asks for {run.captions.replace('-', ' ')}, of EmojiMotion,")
    rows = [row for batch in real.batches(64) for row in batch.rows]
    return change_captions(run.captions, rows, real.drawn)
