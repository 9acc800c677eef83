# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Measure a checkpoint on any data set: `nuwa-hf evaluate`, and `evaluate` in Python."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from nuwa_hf.bulk.digests import checkpoint_digest, model_digest
from nuwa_hf.device_choice import choose_device
from nuwa_hf.evaluation.evaluate_arguments import build_evaluate_parser, parse_evaluate_arguments
from nuwa_hf.evaluation.evaluation_plan import EvaluationPlan
from nuwa_hf.evaluation.feature_store import (
    FeaturePaths,
    FeatureStore,
    check_batch_size,
    open_metrics,
    published_by_others,
)
from nuwa_hf.evaluation.features.feature_reader import FeatureReader
from nuwa_hf.evaluation.measure_run import Maker, measure_run
from nuwa_hf.evaluation.planned_runs import notes_of
from nuwa_hf.evaluation.prepared_run import PreparedRun, prepare_run, setting_and_split
from nuwa_hf.evaluation.report import Report, RunReport, check_report_files, features_used, say_unmet
from nuwa_hf.exit_status import exit_status
from nuwa_hf.modeling.codec import load_codec
from nuwa_hf.pipelines import NuwaPipelineBase, NuwaTextToVideoPipeline
from nuwa_hf.storage.find_checkpoint import find_checkpoint, find_part


def evaluate(
    pipeline: NuwaPipelineBase | torch.nn.Module,
    dataset: Any = None,
    metrics: Sequence[str] = (),
    *,
    task: str | Sequence[str] | None = None,
    protocol: str | Path | None = None,
    features: FeaturePaths = (),
    num_samples: int | None = None,
    seeds: Sequence[int] = (0,),
    candidates: int | None = None,
    scorer: str | None = None,
    split: str | None = None,
    setting: str = "small-128",
    samples_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    batch_size: int = 16,
    output: str | Path | None = None,
    require: Mapping[str, float] | None = None,
    on_run: Callable[[Report], None] | None = None,
    **options: Any,
) -> Report:
    """Measure what a checkpoint generates, beside its bounds and published figures.

    Everything is checked before anything is generated. Samples are written as they are made, and those that are in
    `samples_dir` already are not made again; `accelerate launch` spreads them over processes. Nothing is downloaded
    but what is named by its id on the Hub.

    Args:
        pipeline (`NuwaPipelineBase` or `torch.nn.Module`): the checkpoint as the pipeline of any task, on its device;
            of a codec alone only the rows `real` and `codec` are measured.
        dataset (`str`, `Path`, `datasets.Dataset`, `EmojiMotion` or `MovingMNIST`, *optional*): captioned clips or
            images, `"emoji-motion"` or `"moving-mnist"`; left out only of a protocol that has its own.
        metrics (`Sequence[str]`, defaults to `()`): names of metrics; left out with a protocol, which has its own.
        task (`str` or `Sequence[str]`, *optional*): names or short names; with a protocol, its runs to do.
        protocol (`str` or `Path`, *optional*): one of `protocol_names()`, or a YAML file.
        features (`Mapping[str, str | None]` or `Sequence[str]`, defaults to `()`): the network of each kind, such as
            `{"clip": folder}` or `["clip=FOLDER"]`.
        num_samples (`int`, *optional*): of each row, from the first of the data set on; of a protocol's runs, at most
            so many.
        seeds (`Sequence[int]`, defaults to `(0,)`): no two of their samples share a seed; with several, each score is
            their mean, with its interval.
        candidates (`int`, *optional*): the best of so many for each sample.
        scorer (`str`, *optional*): what picks it: `"likelihood"`, the model itself, or `"clip"`; left out with a
            protocol, which has its own.
        split (`str`, *optional*): "train" of a data set and "val" of clips that are drawn if left out; left out of a
            data set that is open, and of a protocol whose runs name theirs.
        setting (`str`, defaults to `"small-128"`): of `"emoji-motion"`.
        samples_dir (`str` or `Path`, *optional*): where samples are kept; beside `output` if that is given, else a
            folder that is removed at the end.
        cache_dir (`str` or `Path`, *optional*): where features are kept; in `samples_dir` if left out.
        batch_size (`int`, defaults to 16): samples at once.
        output (`str` or `Path`, *optional*): JSON report, written after every row; `complete` once all are there.
        require (`Mapping[str, float]`, *optional*): metric of the first run to the value that is still good enough;
            `report.unmet` says what misses it.
        on_run (`Callable`, *optional*): called with the report after every run.
        options: `height`, `width`, `num_frames` and `frame_rate` at which samples are measured; `given_frames`;
            `mask`; `guidance_scale`, `temperature`, `top_k`, `top_p` and `min_p` of the pipeline; `media_column`,
            `caption_column`, `label_column` and `sketch_column` of the data set.

    Returns:
        `Report`: with `scores`, tables as text (`str(report)`), `save` and `save_markdown`.

    Raises:
        TypeError: If an option is unknown.
        ValueError: If something is missing or does not fit.
        OSError: If `output` cannot be written.

    Example:
        >>> report = evaluate(pipeline, "clips", ["clipsim"], task="T2V", features={"clip": folder}, num_samples=100)
        ... # doctest: +SKIP
        >>> report.scores["clipsim"].value  # doctest: +SKIP
    """
    check_report_files(output)
    check_batch_size(batch_size)
    plan = EvaluationPlan.make(
        is_codec=not isinstance(pipeline, NuwaPipelineBase),
        dataset=dataset,
        metrics=metrics,
        task=task,
        protocol=protocol,
        num_samples=num_samples,
        seeds=seeds,
        candidates=candidates,
        scorer=scorer,
        split=split,
        setting=setting,
        require=require,
        **options,
    )
    files = {"samples_dir": samples_dir, "cache_dir": cache_dir, "output": output}
    return _measure(pipeline, plan, features=features, batch_size=batch_size, **files, on_run=on_run)


def _measure(
    pipeline: NuwaPipelineBase | torch.nn.Module,
    plan: EvaluationPlan,
    *,
    features: FeaturePaths,
    samples_dir: str | Path | None,
    cache_dir: str | Path | None,
    batch_size: int,
    output: str | Path | None,
    on_run: Callable[[Report], None] | None,
) -> Report:
    model = pipeline if isinstance(pipeline, NuwaPipelineBase) else None
    vqgan = pipeline if model is None else model.vqgan
    device = str(next(vqgan.parameters()).device)
    PartialState(cpu=device == "cpu")
    scorers = {"clip"} if plan.scores_by_clip else set()
    known, readers = open_metrics(plan.metrics, features, device, also=scorers)
    with _folder_of_samples(samples_dir, output) as folder:
        store = FeatureStore(readers, Path(cache_dir) if cache_dir else folder / "features", batch_size)
        prepared = [prepare_run(run, plan.data, model, vqgan, known, store) for run in plan.runs]
        judges = {name: readers[name].scorer for name in scorers}
        maker = Maker(model, folder, plan.seeds, batch_size, judges)
        settings = _settings(plan, pipeline, prepared, readers) | {"batch_size": batch_size, "device": device}
        report = Report(settings, known, require=dict(plan.require), is_complete=False)
        for one in prepared:
            published = published_by_others(one.run, known, readers)
            warnings = [*notes_of(one.run, plan.protocol), *one.warnings, *published]
            report.runs.append(RunReport(one.run, one.measured.digest, warnings=warnings))
            for name, row in measure_run(one, maker, store):
                report.runs[-1].rows[name] = row
                if output is not None:
                    report.save(output)
            if on_run is not None and PartialState().is_main_process:
                on_run(report)
        report.is_complete = True
        if output is not None and PartialState().is_main_process:
            report.save(output)
    return report


build_parser = build_evaluate_parser  # under the name that every command has


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table for each run or all as JSON, and write the report.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `int`: 0, or 1 if a requirement is not met; the last line on stderr then says which, and by how much.
    """
    arguments = vars(parse_evaluate_arguments(argv))
    markdown, is_json = arguments.pop("markdown"), arguments.pop("json")
    check_report_files(arguments["output"], markdown)
    check_batch_size(arguments["batch_size"])
    device = choose_device(arguments.pop("device"))
    checkpoint, vqgan = arguments.pop("checkpoint"), arguments.pop("vqgan")
    how = {name: arguments.pop(name) for name in ("features", "samples_dir", "cache_dir", "batch_size", "output")}
    plan = EvaluationPlan.make(is_codec=checkpoint is None, **arguments)
    pipeline = _load(checkpoint, vqgan, device)
    report = _measure(pipeline, plan, **how, on_run=None if is_json else _print_last)
    if not PartialState().is_main_process:
        return 0
    if is_json:
        sys.stdout.write(report.to_json())
    if markdown is not None:
        report.save_markdown(markdown)
    return say_unmet(report)


def _print_last(report: Report) -> None:
    sys.stdout.write(f"\n{replace(report, runs=report.runs[-1:])}\n")
    sys.stdout.flush()


def _load(checkpoint: str | None, vqgan: str | None, device: torch.device) -> NuwaPipelineBase | torch.nn.Module:
    state = PartialState(cpu=device.type == "cpu")
    if state.num_processes > 1 and device.type != "cpu":
        device = state.device
    if checkpoint is None:
        return load_codec(find_part(vqgan, "vqgan")).to(device).eval()
    return NuwaTextToVideoPipeline.from_pretrained(find_checkpoint(checkpoint)).to(device)


@contextmanager
def _folder_of_samples(samples_dir: str | Path | None, output: str | Path | None) -> Iterator[Path]:
    if samples_dir is not None:
        yield Path(samples_dir)
    elif output is not None:
        yield Path(output).with_suffix("").with_name(f"{Path(output).stem}-samples")
    elif PartialState().num_processes > 1:
        raise ValueError("`samples_dir` must be given where several processes make samples, got none; add it.")
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def _settings(
    plan: EvaluationPlan,
    pipeline: NuwaPipelineBase | torch.nn.Module,
    prepared: Sequence[PreparedRun],
    readers: Mapping[str, FeatureReader],
) -> dict[str, Any]:
    is_pipeline, dataset = isinstance(pipeline, NuwaPipelineBase), plan.data.dataset
    return {
        "protocol": None if plan.protocol is None else plan.protocol.name,
        "checkpoint": checkpoint_digest(pipeline) if is_pipeline else None,
        "codec": model_digest(pipeline.vqgan if is_pipeline else pipeline),
        "dataset": str(dataset) if isinstance(dataset, str | Path) else type(dataset).__name__,
        **setting_and_split(plan.data, prepared),
        "seeds": list(plan.seeds),
        "sampling": dict(plan.sampling),
        "features": features_used(readers),
    }


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
