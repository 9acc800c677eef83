# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The eight tasks of NUWA as one frozen table: pipelines, training, command line, tests and documentation read it."""

from dataclasses import dataclass
from typing import Literal

from nuwa_hf.argument_types import shown


Condition = Literal["text", "image sketch", "video sketch", "none"]
Known = Literal["nothing", "part of the image", "first frames", "part of the video"]


@dataclass(frozen=True)
class Task:
    """One way of using the model: what it is told, which visual tokens are given, and what comes out.

    Args:
        name (`str`): the task in words, such as `"text-to-video"`.
        abbreviation (`str`): the paper's short name, such as `"T2V"`.
        condition (`str`): what the condition encoder reads: `"text"`, `"image sketch"`, `"video sketch"`, or `"none"`,
            the constant "None" condition. A text may stand beside a sketch.
        known (`str`): the visual tokens that are given to the decoder instead of being sampled.
        output (`str`): `"image"` or `"video"`.
        pipeline (`str`): name of the pipeline class in `nuwa_hf`.
        command (`str`): sub-command of `nuwa-hf`.
    """

    name: str
    abbreviation: str
    condition: Condition
    known: Known
    output: Literal["image", "video"]
    pipeline: str
    command: str


TASKS: tuple[Task, ...] = (
    Task(
        "text-to-image",
        "T2I",
        "text",
        "nothing",
        "image",
        pipeline="NuwaTextToImagePipeline",
        command="text-to-image",
    ),
    Task(
        "text-to-video",
        "T2V",
        "text",
        "nothing",
        "video",
        pipeline="NuwaTextToVideoPipeline",
        command="text-to-video",
    ),
    Task(
        "sketch-to-image",
        "S2I",
        "image sketch",
        "nothing",
        "image",
        pipeline="NuwaSketchToImagePipeline",
        command="sketch-to-image",
    ),
    Task(
        "sketch-to-video",
        "S2V",
        "video sketch",
        "nothing",
        "video",
        pipeline="NuwaSketchToVideoPipeline",
        command="sketch-to-video",
    ),
    Task(
        "image-completion",
        "I2I",
        "none",
        "part of the image",
        "image",
        pipeline="NuwaImageCompletionPipeline",
        command="complete",
    ),
    Task(
        "video-prediction",
        "V2V",
        "none",
        "first frames",
        "video",
        pipeline="NuwaVideoPredictionPipeline",
        command="predict",
    ),
    Task(
        "image-manipulation",
        "TI2I",
        "text",
        "part of the image",
        "image",
        pipeline="NuwaTextGuidedImageManipulationPipeline",
        command="edit-image",
    ),
    Task(
        "video-manipulation",
        "TV2V",
        "text",
        "part of the video",
        "video",
        pipeline="NuwaTextGuidedVideoManipulationPipeline",
        command="edit-video",
    ),
)
"""The eight tasks, each with its names, what it is given and returns, its pipeline and its command."""


def get_task(abbreviation: str) -> Task:
    """The row of the table with the paper's short name.

    Args:
        abbreviation (`str`): such as `"T2V"`.

    Returns:
        `Task`: the row.

    Raises:
        ValueError: If no task has that short name.
    """
    for task in TASKS:
        if task.abbreviation == abbreviation:
            return task
    raise ValueError(
        f"`abbreviation` must be one of {', '.join(task.abbreviation for task in TASKS)}, got {shown(abbreviation)}."
    )


def find_task(name: str) -> Task:
    """The row of the table with a name as users write it.

    Args:
        name (`str`): the task's name or its short name, in either case, such as `"text-to-video"` or `"t2v"`.

    Returns:
        `Task`: the row.

    Raises:
        ValueError: If no task has that name.
    """
    wanted = name.lower() if isinstance(name, str) else None
    for task in TASKS:
        if wanted in (task.name, task.abbreviation.lower()):
            return task
    known = ", ".join(f"{task.name} ({task.abbreviation})" for task in TASKS)
    raise ValueError(f"`task` must be one of {known}, got {shown(name)}; choose one of these.")
