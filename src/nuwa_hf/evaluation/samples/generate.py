# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Run a task on the samples of a data set, sample by sample onto the disk."""

import dataclasses
import inspect
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor

from nuwa_hf import pipelines
from nuwa_hf.bulk.digests import checkpoint_digest, model_digest
from nuwa_hf.bulk.run_folder import RunFolder
from nuwa_hf.bulk.shared_work import Places, batches_of, make_missing
from nuwa_hf.evaluation.samples.sample_folder import SampleFolder
from nuwa_hf.evaluation.samples.task_inputs import TaskInputs
from nuwa_hf.pipelines import NuwaPipelineBase
from nuwa_hf.pipelines.scorers import Scorer
from nuwa_hf.training.run.run_arguments import require


SAMPLING_OPTIONS = ("guidance_scale", "temperature", "top_k", "top_p", "min_p")


def generate(
    pipeline: NuwaPipelineBase,
    inputs: TaskInputs,
    folder: str | os.PathLike,
    *,
    seed: int = 0,
    batch_size: int = 16,
    candidates: int = 1,
    scorer: Scorer | None = None,
    sampling: dict[str, Any] | None = None,
) -> SampleFolder:
    """Make the samples that are not in a folder yet.

    Sample i has the seed `seed + i`, so that runs share no seed if their seeds are at least as far apart as there are
    samples. It is the same in any run, for any number of processes; another `batch_size` changes no more than the
    rounding of sums. Each is in the folder as soon as its batch is made. A batch of which some are missing is made
    again as a whole, so that what was killed ends with the same files as what was not.

    Under `accelerate launch`, the pipeline should be on the process's own device. Every process returns when all
    samples are there.

    Args:
        pipeline (`NuwaPipelineBase`): the checkpoint, as the pipeline of any task.
        inputs (`TaskInputs`): of the task.
        folder (`str` or `os.PathLike`): where samples go: as a PNG, or a clip as an animated PNG, without loss.
        seed (`int`, defaults to 0): of the first sample.
        batch_size (`int`, defaults to 16): samples made at once.
        candidates (`int`, defaults to 1): of how many each sample is the best.
        scorer (`Scorer`, *optional*): judges them; by default the model's own likelihood ratio.
        sampling (`dict[str, Any]`, *optional*): `guidance_scale`, `temperature`, `top_k`, `top_p`, `min_p` of the
            pipeline; what is left out or None is the checkpoint's.

    Returns:
        `SampleFolder`: with the real samples beside it.

    Raises:
        OSError: If the folder cannot be written.
        ValueError: If it holds samples of other settings, or an argument does not fit the task. Nothing has been made
            then.
    """
    pipeline = getattr(pipelines, inputs.task.pipeline).from_pipe(pipeline)
    pipeline.set_progress_bar_config(disable=True)
    require(batch_size >= 1, "batch_size", "at least 1", batch_size, "use for example 16")
    is_seed = 0 <= seed < 2**63 - len(inputs)
    require(is_seed, "seed", "at least 0 and fit into 63 bits, as that of the last sample", seed, "use for example 0")
    given = {name: value for name, value in (sampling or {}).items() if value is not None}
    options = _options(pipeline, given, candidates, scorer)
    run = RunFolder(Path(folder), inputs, _settings(pipeline, inputs, given, seed, candidates, scorer))
    run.begin()
    state = PartialState(cpu=pipeline.device.type == "cpu")  # it counts processes on CPUs only if it is told so

    def make(batches: Iterable[Places]) -> Iterator[tuple[Places, Tensor]]:
        for places in batches:
            yield places, _make(pipeline, inputs, places, seed, options)

    make_missing(
        run,
        batches_of(range(len(run)), batch_size),
        make,
        frame_rate=pipeline.frame_rate,
        state=state,
        description=f"{inputs.task.abbreviation} samples",
    )
    if state.is_main_process:
        run.finish(inputs.rows(seed))
    return SampleFolder.of_run(run)


def _make(
    pipeline: NuwaPipelineBase, inputs: TaskInputs, places: Places, seed: int, options: dict[str, Any]
) -> Tensor:
    """The clips of a batch `(B, T, 3, Y, X)`, as bytes."""
    arguments = inputs.arguments(places)
    generators = [torch.Generator().manual_seed(seed + place) for place in places]
    output = pipeline(
        **arguments, **inputs.options, **options, generator=generators, output_type="pt", return_dict=False
    )[0]
    pixels = (output.float() * 255).round().byte().cpu()
    return pixels[:, None] if inputs.task.output == "image" else pixels


def _options(
    pipeline: NuwaPipelineBase, given: dict[str, Any], candidates: int, scorer: Scorer | None
) -> dict[str, Any]:
    """The arguments of a call that say how to sample."""
    known = inspect.signature(type(pipeline).__call__).parameters
    names = [name for name in SAMPLING_OPTIONS if name in known]
    task = pipeline.task.name
    for name in given:
        require(name in names, "sampling", f"some of {', '.join(names)} for {task}", name, "drop it")
    require(candidates >= 1, "candidates", "at least 1", candidates, "use 1 for no choice")
    require(candidates > 1 or scorer is None, "candidates", "2 or more with a `scorer`", candidates, "give more")
    if candidates == 1:
        return given
    has_candidates = "num_candidates" in known
    require(has_candidates, "candidates", f"1 for {task}, which has no text to judge by", candidates, "drop it")
    return {**given, "num_candidates": candidates, "scorer": scorer}


def _settings(
    pipeline: NuwaPipelineBase,
    inputs: TaskInputs,
    given: dict[str, Any],
    seed: int,
    candidates: int,
    scorer: Scorer | None,
) -> dict[str, Any]:
    """What samples depend on beside their inputs."""
    choose = pipeline.choose_unguided_sampling if inputs.task.condition == "none" else pipeline.choose_sampling
    settings = {**inputs.settings(), "checkpoint": checkpoint_digest(pipeline), "seed": seed}
    settings["sampling"] = dataclasses.asdict(choose(**given))
    return settings if candidates == 1 else {**settings, "candidates": candidates, "scorer": _scorer_name(scorer)}


def _scorer_name(scorer: Scorer | None) -> str:
    if scorer is None:
        return "likelihood ratio"
    kind = scorer if hasattr(scorer, "__qualname__") else type(scorer)
    model = getattr(scorer, "model", None)
    weights = f" {model_digest(model)}" if isinstance(model, torch.nn.Module) else ""
    return f"{kind.__module__}.{kind.__qualname__}{weights}"
