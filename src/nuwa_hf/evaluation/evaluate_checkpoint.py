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
from nuwa_hf.evaluation.feature_store import (
    FeaturePaths,
    FeatureStore,
    check_batch_size,
    open_metrics,
    published_by_others,
)
from nuwa_hf.evaluation.features.feature_reader import FeatureReader
from nuwa_hf.evaluation.measure_run import SEEDS_APART, Maker, measure_run
from nuwa_hf.evaluation.planned_runs import RUN_OPTIONS, notes_of, plan_runs
from nuwa_hf.evaluation.prepared_run import DataChoice, PreparedRun, prepare_run, setting_and_split
from nuwa_hf.evaluation.protocols.protocol import Protocol, load_protocol
from nuwa_hf.evaluation.protocols.run import SAMPLING_OPTIONS, Run
from nuwa_hf.evaluation.report import (
    Report,
    RunReport,
    check_report_files,
    check_require,
    features_used,
    say_unmet,
)
from nuwa_hf.evaluation.run_checks import check_options_are_read
from nuwa_hf.exit_status import exit_status
from nuwa_hf.modeling.codec import load_codec
from nuwa_hf.pipelines import NuwaPipelineBase, NuwaTextToVideoPipeline
from nuwa_hf.storage.find_checkpoint import find_checkpoint, find_part


COLUMNS = ("media_column", "caption_column", "label_column", "sketch_column")


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
    given = {name: value for name, value in options.items() if value is not None}
    unknown = set(given) - {*RUN_OPTIONS, *SAMPLING_OPTIONS, *COLUMNS}
    if unknown:
        raise TypeError(f"`evaluate` has no option {min(unknown)!r}; see its documentation.")
    plan = None if protocol is None else load_protocol(protocol)
    check_report_files(output)
    check_batch_size(batch_size)
    runs = plan_runs(plan, task, metrics, num_samples, given, candidates, scorer)
    check_require(require or {}, runs[0].metrics)
    _check_seeds(seeds)
    model = pipeline if isinstance(pipeline, NuwaPipelineBase) else None
    chosen = {"seeds": None if list(seeds) == [0] else list(seeds), "candidates": candidates, "scorer": scorer}
    check_options_are_read(runs, {**given, **chosen}, is_codec=model is None)
    vqgan = pipeline if model is None else model.vqgan
    PartialState(cpu=_device_of(vqgan) == "cpu")
    data = _data(plan, runs, dataset, split, setting, given)
    names = list(dict.fromkeys(name for run in runs for name in run.metrics))
    scorers = {row.get("scorer") for run in runs for row in run.rows.values()} & {"clip"}
    known, readers = open_metrics(names, features, _device_of(vqgan), also=scorers)
    with _folder_of_samples(samples_dir, output) as folder:
        store = FeatureStore(readers, Path(cache_dir) if cache_dir else folder / "features", batch_size)
        prepared = [prepare_run(run, data, model, vqgan, known, store) for run in runs]
        judges = {name: readers[name].scorer for name in scorers}
        maker = Maker(model, folder, tuple(seeds), batch_size, judges)
        settings = _settings(plan, pipeline, data, prepared, seeds, readers, given)
        settings |= {"batch_size": batch_size, "device": _device_of(vqgan)}
        report = Report(settings, known, require=dict(require or {}), is_complete=False)
        for one in prepared:
            warnings = [*notes_of(one.run, plan), *one.warnings, *published_by_others(one.run, known, readers)]
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
    pipeline = _load(arguments.pop("checkpoint"), arguments.pop("vqgan"), device)
    report = evaluate(pipeline, **arguments, on_run=None if is_json else _print_last)
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


def _data(
    plan: Protocol | None,
    runs: Sequence[Run],
    dataset: Any,
    split: str | None,
    setting: str,
    given: Mapping[str, Any],
) -> DataChoice:
    fixed = None if plan is None else plan.dataset
    needs = "" if plan is None else plan.data
    if (dataset is None) == (fixed is None):
        rule = f"left out of {plan.name}, which has its own" if fixed else "given"
        raise ValueError(f"`dataset` must be {rule}, got {dataset!r}. {needs}".strip())
    if split is not None and all(run.split is not None for run in runs):
        raise ValueError(f"`split` must be left out of {plan.name}, whose runs name theirs, got {split!r}; drop it.")
    columns = {name: given[name] for name in COLUMNS if name in given}
    return DataChoice(dataset if fixed is None else fixed, split, setting, columns, needs)


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
    plan: Protocol | None,
    pipeline: NuwaPipelineBase | torch.nn.Module,
    data: DataChoice,
    prepared: Sequence[PreparedRun],
    seeds: Sequence[int],
    readers: Mapping[str, FeatureReader],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    is_pipeline = isinstance(pipeline, NuwaPipelineBase)
    return {
        "protocol": None if plan is None else plan.name,
        "checkpoint": checkpoint_digest(pipeline) if is_pipeline else None,
        "codec": model_digest(pipeline.vqgan if is_pipeline else pipeline),
        "dataset": str(data.dataset) if isinstance(data.dataset, str | Path) else type(data.dataset).__name__,
        **setting_and_split(data, prepared),
        "seeds": list(seeds),
        "sampling": {name: given[name] for name in SAMPLING_OPTIONS if name in given},
        "features": features_used(readers),
    }


def _check_seeds(seeds: Sequence[int]) -> None:
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be at least one and none twice, got {list(seeds)}; use for example 0 1 2.")
    if min(seeds) < 0:
        raise ValueError(f"`seeds` must be at least 0, got {min(seeds)}; use for example 0 1 2.")
    most = 2**63 // SEEDS_APART - 1
    if max(seeds) > most:
        raise ValueError(f"`seeds` must be at most {most}, got {max(seeds)}; use for example 0 1 2.")


def _device_of(vqgan: torch.nn.Module) -> str:
    return str(next(vqgan.parameters()).device)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
