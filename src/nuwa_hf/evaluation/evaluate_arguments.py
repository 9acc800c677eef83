# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The command line of `nuwa-hf evaluate`, and the check of `--require`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.metrics.score_tables import SCORES
from nuwa_hf.tasks import TASKS


SPLITS = ("train", "val", "zeroshot")
ALL_TASKS = tuple(task.abbreviation for task in TASKS)
SAMPLING_OPTIONS = {"guidance_scale": float, "temperature": float, "top_k": int, "top_p": float}


def parse_requirements(texts: Sequence[str]) -> dict[str, float]:
    """Read requirements such as `object=0.9`.

    Args:
        texts (`Sequence[str]`): each is the name of a score, an equals sign and the lowest accuracy allowed, in [0,
            1].

    Returns:
        `dict[str, float]`: least accuracy by score.

    Raises:
        ValueError: If a requirement cannot be read.
    """
    requirements = {}
    for text in texts:
        name, _, least = text.partition("=")
        if name not in SCORES or not least.replace(".", "", 1).isdigit() or float(least) > 1:
            raise ValueError(
                f"`require` must be a score and its least accuracy in [0, 1], such as object=0.9, with one of "
                f"{', '.join(SCORES)}; got {text!r}."
            )
        requirements[name] = float(least)
    return requirements


def unmet_requirements(row: dict[str, Any], requirements: dict[str, float]) -> list[str]:
    """The requirements that a row of a report does not meet.

    Args:
        row (`dict`): accuracies of one row.
        requirements (`dict[str, float]`): of `parse_requirements`.

    Returns:
        `list[str]`: one phrase for each. A score that the row does not have counts as not met.
    """
    found = {name: row[name]["accuracy"] if name in row else 0.0 for name in requirements}
    return [f"{name} {found[name]:.3f} < {least}" for name, least in requirements.items() if found[name] < least]


def parse_tasks(names: Sequence[str]) -> list[str]:
    """Read the names of tasks.

    Args:
        names (`Sequence[str]`): abbreviations in either case, or `all` alone.

    Returns:
        `list[str]`: abbreviations in the order of the table of tasks.

    Raises:
        ValueError: If a name is not known.
    """
    wanted = [name.upper() for name in names]
    if wanted == ["ALL"]:
        return list(ALL_TASKS)
    unknown = [name for name in wanted if name not in ALL_TASKS]
    if unknown:
        raise ValueError(f"`tasks` must be some of {', '.join(ALL_TASKS)}, or all alone, got {', '.join(unknown)}.")
    return [name for name in ALL_TASKS if name in wanted]


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line and check it before any work.

    Args:
        argv (`Sequence[str]`, *optional*): arguments; those of the process if left out.

    Returns:
        `argparse.Namespace`: one attribute for each option; `require` as a `dict`.

    Raises:
        ValueError: If an option breaks its rule.
    """
    parser = argparse.ArgumentParser(description="Score what a checkpoint generates, beside its bounds.")
    parser.add_argument("--checkpoint", type=Path, help="directory of a pipeline")
    parser.add_argument("--codec_only", action="store_true", help="score only real clips through the codec")
    parser.add_argument("--vqgan", type=Path, help="directory of the codec for --codec_only")
    parser.add_argument("--judges", type=Path, required=True, help="directory that train_judges wrote")
    parser.add_argument("--setting", default="small", choices=list(SETTINGS), help="the EmojiMotion setting")
    parser.add_argument("--split", nargs="+", default=["val"], help=f"some of {', '.join(SPLITS)}")
    parser.add_argument("--num_clips", type=int, default=200, help="clips of each split")
    parser.add_argument("--tasks", nargs="+", default=["T2V"], metavar="TASK", help=f"{' '.join(ALL_TASKS)}, or all")
    parser.add_argument("--task_images", type=int, default=200, help="samples of every task that makes images")
    parser.add_argument("--task_videos", type=int, default=100, help="samples of every other task that makes videos")
    parser.add_argument("--candidates", nargs="+", type=int, default=[], help="also T2V with the best of so many each")
    parser.add_argument("--batch_size", type=int, default=16, help="clips coded or generated at once")
    parser.add_argument("--seed", type=int, default=0, help="of the first generated clip; the next has the next")
    for name, kind in SAMPLING_OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, help="of the pipeline; its own default if left out")
    parser.add_argument(
        "--require", nargs="+", default=[], metavar="SCORE=LEAST", help="fail if the first split misses"
    )
    parser.add_argument("--output", type=Path, help="JSON report")
    parser.add_argument("--contact_sheet", type=Path, help="PNG of the first clips of the first split, not picked")
    parser.add_argument("--sheet_clips", type=int, default=12, help="clips on the contact sheet")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args(argv)
    for name, least in {"num_clips": 2, "task_images": 1, "task_videos": 1, "batch_size": 1, "sheet_clips": 1}.items():
        if getattr(arguments, name) < least:
            raise ValueError(f"`{name}` must be at least {least}, got {getattr(arguments, name)}.")
    unknown = [split for split in arguments.split if split not in SPLITS]
    if unknown:
        raise ValueError(f"`split` must be some of {', '.join(SPLITS)}, got {', '.join(unknown)}.")
    name, file = ("vqgan", "config.json") if arguments.codec_only else ("checkpoint", "model_index.json")
    directory = getattr(arguments, name)
    if directory is None or not (directory / file).is_file():
        raise ValueError(f"`{name}` must be a directory that holds {file}, got {directory and str(directory)!r}.")
    arguments.tasks = parse_tasks(arguments.tasks)
    if min(arguments.candidates, default=1) < 1:
        raise ValueError(f"`candidates` must be at least 1 each, got {arguments.candidates}.")
    needs_text_to_video = [name for name in ("require", "candidates", "codec_only") if getattr(arguments, name)]
    if needs_text_to_video and "T2V" not in arguments.tasks:
        raise ValueError(f"`tasks` must hold T2V for {', '.join(needs_text_to_video)}, got {arguments.tasks}; add it.")
    if arguments.codec_only and (arguments.tasks != ["T2V"] or arguments.candidates):
        raise ValueError(f"`tasks` must be T2V alone with codec_only, got {arguments.tasks}; leave the others out.")
    arguments.require = parse_requirements(arguments.require)
    return arguments
