# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Judges read from their folders: whole, or with one error that says what is wrong."""

from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import ModelMixin

from nuwa_hf.argument_types import check_types
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.local_checkpoint import check_local_model
from nuwa_hf.training.run.finite_values import weight_that_is_not_finite


LARGEST = 4096  # channels, frames or pixels of a judge
NAMES = ("object_names", "background_names", "motion_names", "class_names")
TYPES = {"width": int, "num_frames": int, "image_size": int | None, **dict.fromkeys(NAMES, list[str])}
REMEDY = "train judges with `nuwa-hf train-judges`"

JudgeT = TypeVar("JudgeT", bound=ModelMixin)


def check_judge(**given: Any) -> None:
    """Check the configuration of a judge before its layers are made.

    Args:
        given: its arguments, by the names in `TYPES`.

    Raises:
        TypeError: If one has the wrong type.
        ValueError: If a size is below 1 or too large, or there are no classes.
    """
    check_types(given, {name: TYPES[name] for name in given}, REMEDY)
    for name, value in given.items():
        if isinstance(value, int) and not 1 <= value <= LARGEST:
            raise ValueError(f"`{name}` must be from 1 to {LARGEST}, got {value}; {REMEDY}.")
        if isinstance(value, list | tuple) and not value:
            raise ValueError(f"`{name}` must hold at least one class, got none; {REMEDY}.")


def load_judge(judge_class: type[JudgeT], folder: Path, device: str | torch.device = "cpu") -> JudgeT:
    """Load what `save_judge` saved.

    Args:
        judge_class (`type[ModelMixin]`): its class.
        folder (`Path`): where it was saved.
        device (`str` or `torch.device`, defaults to `"cpu"`): where it judges.

    Returns:
        The judge.

    Raises:
        OSError: If a file is missing or broken, or the weights are not all of this judge, or not all finite.
        TypeError: If its configuration has a value of the wrong type.
        ValueError: If a value is impossible.
    """
    check_local_model(folder)
    with naming_what_is_broken(folder):
        judge, found = judge_class.from_pretrained(folder, output_loading_info=True)
    missing = sorted((*found["missing_keys"], *found["unexpected_keys"]))
    if missing:
        raise OSError(
            f"Broken checkpoint: {folder} must hold the weights of its judge and no others, which is not so for "
            f"{missing[0]!r}; get it again, or {REMEDY}."
        )
    wrong = weight_that_is_not_finite([judge])
    if wrong is not None:
        raise OSError(
            f"Broken checkpoint: {folder} must hold finite weights, but {wrong}; delete the folder, and {REMEDY}."
        )
    return judge.to(device)
