# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The form of a task: a component for each field, and what is painted.

Its values are, by name: those of the plain fields; `"image_files"`, `"video_files"` and `"sketch_files"`, uploads;
`"mask"`, a painting on the picture or on a frame of the clip; `"sketch"`, a painting; `"sketch_background"`, the class
of what is left free; `"sketch_frames"`, the sketches of a clip that have been painted so far.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import gradio as gr

from nuwa_hf.app.form_fields import FormField, fields_of
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.app.painting import build_mask_editor, build_sketch_editor
from nuwa_hf.cli.task_commands import TaskCommand
from nuwa_hf.datasets.media_endings import MEDIA_ENDINGS, PICTURE_ENDINGS


@dataclass(frozen=True)
class TaskForm:
    """The components of a form.

    Args:
        command (`TaskCommand`): the task's command.
        inputs (`dict[str, gr.components.Component]`): by the name of the value.
    """

    command: TaskCommand
    inputs: dict[str, gr.components.Component]

    def place_of(self, name: str) -> str:
        """Where a message is shown.

        Args:
            name (`str`): what the message has in backticks.

        Returns:
            `str`: a key of `inputs`; the first if the message is about none of them.
        """
        named = [field.name for field in fields_of(self.command) if field.is_meant_by(name)]
        places = [key for one in (*named, name) for key in (one, f"{one}_files") if key in self.inputs]
        return places[0] if places else next(iter(self.inputs))


def build_form(command: TaskCommand, checkpoint: LoadedCheckpoint, limits: AppLimits) -> TaskForm:
    """Build the form of a task, within a `gr.Blocks`.

    Args:
        command (`TaskCommand`): the task's command.
        checkpoint (`LoadedCheckpoint`): what the form is for.
        limits (`AppLimits`): how much may be asked for.

    Returns:
        `TaskForm`: the form.
    """
    fields, inputs = fields_of(command), {}
    _add_components([field for field in fields if field.is_shown], inputs, command, checkpoint, limits)
    with gr.Accordion("Further settings", open=False, elem_id=f"{command.task.name}-further"):
        _add_components([field for field in fields if not field.is_shown], inputs, command, checkpoint, limits)
    return TaskForm(command, inputs)


def _add_components(
    fields: Sequence[FormField],
    inputs: dict[str, gr.components.Component],
    command: TaskCommand,
    checkpoint: LoadedCheckpoint,
    limits: AppLimits,
) -> None:
    """Add the components of fields to a form, two numbers beside each other."""
    for group in _rows(fields):
        with gr.Row():
            for field in group:
                given = {"label": field.label, "elem_id": f"{command.task.name}-{field.id_part}"}
                if field.kind in ("image", "video"):
                    inputs[f"{field.name}_files"] = _upload(field, given)
                elif field.kind == "mask":
                    place = next(key for key in ("image_files", "video_files") if key in inputs)
                    inputs["mask"] = build_mask_editor(given["elem_id"], command, inputs[place], checkpoint, limits)
                elif field.kind in ("sketch", "sketches"):
                    inputs |= build_sketch_editor(field, command, checkpoint, limits)
                else:
                    inputs[field.name] = _plain_component(field, given, limits)


def _rows(fields: Sequence[FormField]) -> Iterator[list[FormField]]:
    for is_number, group in groupby(fields, lambda field: field.kind in ("number", "whole number")):
        members = list(group)
        step = 2 if is_number else 1
        yield from (members[start : start + step] for start in range(0, len(members), step))


def _plain_component(field: FormField, given: dict[str, str], limits: AppLimits) -> gr.components.Component:
    maximum = limits.largest(field.name)
    info = field.help if maximum is None else f"{field.help}; at most {maximum}"
    if field.kind == "switch":
        return gr.Checkbox(**given, info=info, value=False)
    if field.kind == "whole number" and field.default is not None:
        return gr.Number(**given, info=info, value=field.default)  # a `precision` of 0 would round without a word
    # A number that may be left open is a text: Gradio's own shows 0 where there is none.
    # It has no `max_length`, at which a page cuts what is pasted without a word.
    return gr.Textbox(**given, info=info, placeholder=field.default_text)


def _upload(field: FormField, given: dict[str, str]) -> gr.File:
    is_clip = field.kind == "video"
    # Gradio knows a kind by the types that the machine has for endings, which are few in a small container.
    kinds = ["image", "video", *sorted(MEDIA_ENDINGS)] if is_clip else ["image", *sorted(PICTURE_ENDINGS)]
    label = f"{field.label}: {field.help.removesuffix(' or its URL')}"
    return gr.File(
        **given | {"label": label},
        file_count="multiple" if is_clip else "single",
        file_types=kinds,
        height=150,
    )
