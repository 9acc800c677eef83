# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a visitor's form asks for: a command of `nuwa-hf`, checked before any work."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image

from nuwa_hf.app.form_fields import FormField, fields_of
from nuwa_hf.app.input_files import check_uploads, copy_upload, numbered, sketch_of, write_mask
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.sketch_classes import SketchClasses
from nuwa_hf.cli.argument_checks import check_arguments
from nuwa_hf.cli.task_arguments import pipeline_arguments
from nuwa_hf.cli.task_commands import TaskCommand
from nuwa_hf.media import write_png
from nuwa_hf.pipelines.checks import check_whole_number


NOT_ADDED = "The painting on the canvas was not added as a frame, and is left out."


@dataclass(frozen=True)
class VisitorRequest:
    """What a visitor asks for.

    Args:
        command (`TaskCommand`): the command that does it.
        args (`Namespace`): its arguments, as if they had been parsed; files lie in the request's folder.
        input_files (`list[Path]`): what the visitor gave.
        notes (`tuple[str, ...]`): what is left out of that, to be told.
    """

    command: TaskCommand
    args: Namespace
    input_files: list[Path]
    notes: tuple[str, ...] = ()

    @property
    def call_arguments(self) -> dict[str, Any]:
        """The arguments of the pipeline's call, without the generators."""
        return pipeline_arguments(self.command, self.args)

    @property
    def seeds(self) -> list[int]:
        """The seed of each result."""
        return [self.args.seed + number for number in range(getattr(self.args, self.command.count_name))]


def read_request(
    command: TaskCommand,
    values: Mapping[str, Any],
    folder: Path,
    *,
    limits: AppLimits,
    classes: SketchClasses | None,
    size: tuple[int, int],
) -> VisitorRequest:
    """Read a form that was filled in.

    Args:
        command (`TaskCommand`): the task's command.
        values (`Mapping[str, Any]`): what is in each field, by the field's name; and the further parts of paintings
            under the names that `nuwa_hf.app.task_form` gives them.
        folder (`Path`): an empty folder for what was painted and uploaded.
        limits (`AppLimits`): how much may be asked for.
        classes (`SketchClasses`, *optional*): the classes of sketches.
        size (`tuple[int, int]`): height and width of the model's pictures.

    Returns:
        `VisitorRequest`: what to do. If the seed was left open, one was drawn.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is not valid, missing, or more than the limits allow. The message names the field.
    """
    given: dict[str, Any] = {}
    files: list[Path] = []
    for field in fields_of(command):
        if field.kind in ("image", "video", "mask", "sketch", "sketches"):
            paths = _files(field, values, folder, limits, classes, size)
            files += paths
            value = None if not paths else [str(path) for path in paths]
            if value is not None and field.kind not in ("video", "sketches"):
                (value,) = value
        else:
            value = _plain_value(field, values.get(field.name), limits)
        if value is None and field.is_needed:
            raise ValueError(f"`{field.name}` must be given, got nothing; {_remedy(field)}.")
        given[field.name] = value
    args = Namespace(**given)
    check_arguments(command, args)
    return VisitorRequest(command, args, files, () if _is_painting_added(values, classes) else (NOT_ADDED,))


def _plain_value(field: FormField, value: Any, limits: AppLimits) -> Any:
    if isinstance(value, str) and not value.strip():
        value = None
    if value is None:
        return field.default
    name = field.id_part.replace("-", "_")
    if field.kind == "switch":
        if not isinstance(value, bool):
            raise TypeError(f"`{name}` must be true or false, got {value!r}.")
        return value != field.default  # the option's flag turns the default over
    if field.kind == "text":
        return _as_text(name, value, limits.max_text)
    value = _as_number(name, value, is_whole=field.kind == "whole number")
    maximum = limits.largest(field.name)
    if maximum is not None:
        check_whole_number(name, value, maximum=maximum, reason=" (the limit of this app)")
    return value


def _as_text(name: str, value: Any, max_letters: int) -> str:
    if not isinstance(value, str):
        raise TypeError(f"`{name}` must be a text, got {type(value).__name__}.")
    if len(value) > max_letters:
        raise ValueError(
            f"`{name}` must have at most {max_letters} letters (the limit of this app), got {len(value)}; say it in"
            " fewer words."
        )
    return value


def _as_number(name: str, value: Any, *, is_whole: bool) -> int | float:
    """A number that was typed, or that a client of the app gave."""
    what = "a whole number" if is_whole else "a number"
    kind = int if is_whole else float
    if isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"`{name}` must be {what}, got {value[:40]!r}; write it in digits.") from None
    if is_whole and isinstance(value, float) and value.is_integer():  # as JSON has it
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int,) if is_whole else (int, float)):
        raise TypeError(f"`{name}` must be {what}, got {value!r}.")
    return value


def _files(
    field: FormField,
    values: Mapping[str, Any],
    folder: Path,
    limits: AppLimits,
    classes: SketchClasses | None,
    size: tuple[int, int],
) -> list[Path]:
    """The files that a field gives, none if it is empty."""
    if field.kind == "mask":
        found = [write_mask(values.get("mask"), size, "mask", folder)]
    elif uploads := values.get(f"{field.name}_files"):
        if field.name == "sketch" and classes is not None and _paintings(values, classes, size):
            raise ValueError("`sketch` must be painted or uploaded, got both; take one of them away.")
        paths = uploads if isinstance(uploads, list) else [uploads]
        check_uploads(field.name, paths, limits)
        names = numbered(field.name, len(paths))
        found = [copy_upload(path, name, folder) for path, name in zip(paths, names, strict=True)]
    elif field.kind in ("image", "video") or classes is None:
        found = []
    else:
        frames = _paintings(values, classes, size)
        names = numbered("sketch", len(frames))
        found = [folder / f"{name}.png" for name in names]
        for frame, path in zip(frames, found, strict=True):
            write_png(frame, path)
    return [path for path in found if path is not None]


def _paintings(values: Mapping[str, Any], classes: SketchClasses, size: tuple[int, int]) -> list[PIL.Image.Image]:
    """The sketches that were painted: those of a clip so far, or the one on the canvas."""
    if frames := values.get("sketch_frames"):
        return frames
    painted = sketch_of(values.get("sketch"), values.get("sketch_background"), classes, size)
    return [] if painted is None else [painted]


def _is_painting_added(values: Mapping[str, Any], classes: SketchClasses | None) -> bool:
    """Whether the painting on the canvas, if there is one, is the last of the frames, if there are some."""
    if classes is None or not (frames := values.get("sketch_frames")):
        return True
    last = frames[-1]
    painted = sketch_of(values.get("sketch"), values.get("sketch_background"), classes, (last.height, last.width))
    return painted is None or painted.tobytes() == last.tobytes()


def _remedy(field: FormField) -> str:
    return {
        "text": "describe what to show",
        "image": "upload a picture",
        "video": "upload a file",
        "mask": "paint over the picture what to fill",
        "sketch": "paint one or upload a PNG",
        "sketches": "paint one for each frame or upload PNGs",
    }[field.kind]
