# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The runs that a user asks for: those of a protocol, or one for each task."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nuwa_hf.evaluation.protocols.protocol import Protocol
from nuwa_hf.evaluation.protocols.run import SAMPLING_OPTIONS, SCORERS, Run
from nuwa_hf.tasks import find_task


RUN_OPTIONS = ("height", "width", "num_frames", "frame_rate", "given_frames", "mask")


def plan_runs(
    protocol: Protocol | None,
    tasks: str | Sequence[str] | None,
    metrics: Sequence[str],
    num_samples: int | None,
    options: Mapping[str, Any],
    candidates: int | None = None,
    scorer: str | None = None,
) -> list[Run]:
    """The runs to do.

    Args:
        protocol (`Protocol`, *optional*): whose runs they are.
        tasks (`str` or `Sequence[str]`, *optional*): names of tasks; of a protocol, which runs.
        metrics (`Sequence[str]`): names of metrics; none with a protocol.
        num_samples (`int`, *optional*): of each row; of a protocol's runs, at most so many.
        options (`Mapping[str, Any]`): of `RUN_OPTIONS` and `SAMPLING_OPTIONS`, where given.
        candidates (`int`, *optional*): the best of so many for each sample.
        scorer (`str`, *optional*): what picks it; none with a protocol.

    Returns:
        `list[Run]`: at least one.

    Raises:
        ValueError: If something is missing, or would change what a protocol fixes.
    """
    if candidates is not None and candidates < 1:
        raise ValueError(f"`candidates` must be at least 1, got {candidates}; use for example 4.")
    names = [tasks] if isinstance(tasks, str) else list(tasks or ())
    wanted = list(dict.fromkeys(find_task(name) for name in names))
    sampling = {name: options[name] for name in SAMPLING_OPTIONS if name in options}
    own = {name: options[name] for name in RUN_OPTIONS if name in options}
    if protocol is not None:
        fixed = {**own, "scorer": scorer, "metrics": list(metrics) or None}
        return _runs_of(protocol, [task.abbreviation for task in wanted], fixed, num_samples, sampling, candidates)
    for name, value in (("task", wanted), ("metrics", metrics), ("num_samples", num_samples)):
        if not value:
            raise ValueError(f"`{name}` must be given where there is no `protocol`, got none; add it.")
    row, choice = "generated", {}
    if candidates is not None and candidates > 1:
        choice = {"candidates": candidates, "scorer": scorer or SCORERS[0]}
        row = row_name(candidates, choice["scorer"])
    elif scorer is not None:
        raise ValueError(f"`candidates` must be 2 or more with a `scorer`, got {candidates}; give more.")
    return [
        Run(
            name=task.name.replace("-", " "),
            task=task.abbreviation,
            num_samples=num_samples,
            metrics=tuple(metrics),
            rows={row: {**choice, **sampling}},
            **own,
        )
        for task in wanted
    ]


def row_name(candidates: int, scorer: str) -> str:
    """What the row of the best of several candidates is called.

    Args:
        candidates (`int`): how many.
        scorer (`str`): what picks it.

    Returns:
        `str`: such as `"best of 60 by CLIP"`.
    """
    return f"best of {candidates} by {'CLIP' if scorer == 'clip' else scorer}"


def notes_of(run: Run, protocol: Protocol | None) -> list[str]:
    """What sets a run apart from the protocol that it is named after.

    Args:
        run (`Run`): as it is done.
        protocol (`Protocol`, *optional*): whose run it is.

    Returns:
        `list[str]`: sentences.
    """
    asked = next((one for one in protocol.runs if one.name == run.name), run) if protocol is not None else run
    notes = []
    if asked.num_samples != run.num_samples:
        notes.append(f"The protocol asks for {asked.num_samples:,} samples, these are {run.num_samples:,}.")
    if list(asked.rows) != list(run.rows):
        notes.append(f"The protocol asks for {', '.join(asked.rows)}, this is {', '.join(run.rows)}.")
    return notes


def _runs_of(
    protocol: Protocol,
    tasks: Sequence[str],
    fixed: Mapping[str, Any],
    num_samples: int | None,
    sampling: Mapping[str, Any],
    candidates: int | None,
) -> list[Run]:
    for name, value in fixed.items():
        if value is not None:
            raise ValueError(f"`{name}` must be left out with `protocol`, which fixes it, got {value}; drop it.")
    runs = [run for run in protocol.runs if not tasks or run.task in tasks]
    if not runs:
        there = ", ".join(dict.fromkeys(run.task for run in protocol.runs))
        raise ValueError(f"`task` must be among those of {protocol.name}, {there}, got {', '.join(tasks)}.")
    if candidates is not None:
        runs = [_with_candidates(run, candidates) for run in runs]
    return [run.at_most(num_samples).with_row_options(**sampling) for run in runs]


def _with_candidates(run: Run, candidates: int) -> Run:
    if len(run.rows) != 1 or "candidates" not in next(iter(run.rows.values())):
        raise ValueError(
            f"`candidates` must be left out of a protocol with a run that has no choice among candidates, or several, "
            f"got {candidates} for {run.name!r}; drop it."
        )
    (options,) = run.rows.values()
    scorer = options.get("scorer", SCORERS[0])
    return replace(run, rows={row_name(candidates, scorer): {**options, "candidates": candidates}})
