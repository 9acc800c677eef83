# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The eight tasks of NUWA as one frozen table, read by training, tests and the documentation."""

from dataclasses import dataclass
from typing import Literal


Condition = Literal["text", "image sketch", "video sketch", "none"]
Known = Literal["nothing", "part of the image", "first frames", "image outside the edited region"]


@dataclass(frozen=True)
class Task:
    """One way of using the model: what it is told, which visual tokens are given, and what comes out.

    Args:
        name (`str`): the task in words, such as `"text-to-video"`.
        abbreviation (`str`): the paper's short name, such as `"T2V"`.
        condition (`str`): what the condition encoder reads: `"text"`, `"image sketch"`, `"video sketch"`, or `"none"`,
            the constant "None" condition.
        known (`str`): the visual tokens that are given to the decoder instead of being sampled.
        output (`str`): `"image"` or `"video"`.
        is_pretrained (`bool`): whether it is one of the three tasks whose cross-entropies make up the training loss.
        pipeline (`str`, *optional*): name of the pipeline class in `nuwa_hf`; `None` where there is none.
    """

    name: str
    abbreviation: str
    condition: Condition
    known: Known
    output: Literal["image", "video"]
    is_pretrained: bool
    pipeline: str | None = None


TASKS: tuple[Task, ...] = (
    Task("text-to-image", "T2I", "text", "nothing", "image", is_pretrained=True),
    Task("text-to-video", "T2V", "text", "nothing", "video", is_pretrained=True, pipeline="NuwaTextToVideoPipeline"),
    Task("sketch-to-image", "S2I", "image sketch", "nothing", "image", is_pretrained=False),
    Task("sketch-to-video", "S2V", "video sketch", "nothing", "video", is_pretrained=False),
    Task("image-completion", "I2I", "none", "part of the image", "image", is_pretrained=False),
    Task("video-prediction", "V2V", "none", "first frames", "video", is_pretrained=True),
    Task("image-manipulation", "TI2I", "text", "image outside the edited region", "image", is_pretrained=False),
    Task("video-manipulation", "TV2V", "text", "first frames", "video", is_pretrained=False),
)

PRETRAINING_TASKS: tuple[Task, ...] = tuple(task for task in TASKS if task.is_pretrained)


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
        f"`abbreviation` must be one of {', '.join(task.abbreviation for task in TASKS)}, got {abbreviation!r}."
    )
