# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The form of a task: a component for each field, and what is painted.

Beside its fields, a form's values are, by name: `"mask"`, a frame of the clip that is painted on; `"sketch_files"` and
`"video_files"`, uploads; `"sketch_background"`, the class of what is left free; `"sketch_frames"`, the sketches of a clip
that have been painted so far.
"""

from dataclasses import dataclass

import gradio as gr

from nuwa_hf.app.form_fields import FormField, fields_of
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.painting_editor import PaintingEditor
from nuwa_hf.app.sketch_classes import SketchClasses
from nuwa_hf.cli.task_commands import TaskCommand


CANVAS = 512  # pixels of the longer side of what is painted on
MASK_COLOR = "#ff00ff"


@dataclass(frozen=True)
class TaskForm:
    """The components of a form.

    Args:
        command (`TaskCommand`): the task's command.
        inputs (`dict[str, gr.components.Component]`): by the name of the value.
    """

    command: TaskCommand
    inputs: dict[str, gr.components.Component]

    def component_of(self, name: str) -> str:
        """The value at whose component a message is shown.

        Args:
            name (`str`): what the message has in backticks.

        Returns:
            `str`: a key of `inputs`; the first if the message is about none of them.
        """
        for field in fields_of(self.command):
            if field.is_meant_by(name):
                for key in (field.name, "image" if field.kind == "mask" else f"{field.name}_files"):
                    if key in self.inputs:
                        return key
        return name if name in self.inputs else next(iter(self.inputs))


def build_form(
    command: TaskCommand, limits: AppLimits, classes: SketchClasses | None, size: tuple[int, int]
) -> TaskForm:
    """Build the form of a task, within a `gr.Blocks`.

    Args:
        command (`TaskCommand`): the task's command.
        limits (`AppLimits`): how much may be asked for.
        classes (`SketchClasses`, *optional*): the classes of sketches.
        size (`tuple[int, int]`): height and width of the model's pictures.

    Returns:
        `TaskForm`: the form.
    """
    fields = fields_of(command)
    inputs: dict[str, gr.components.Component] = {}
    for field in fields:
        if field.is_shown:
            inputs |= _components(field, command, limits, classes, size)
    with gr.Accordion("Further settings", open=False, elem_id=f"{command.task.name}-further"):
        for field in fields:
            if not field.is_shown:
                inputs |= _components(field, command, limits, classes, size)
    return TaskForm(command, inputs)


def _components(
    field: FormField, command: TaskCommand, limits: AppLimits, classes: SketchClasses | None, size: tuple[int, int]
) -> dict[str, gr.components.Component]:
    given = {"label": field.label, "elem_id": f"{command.task.name}-{field.id_part}"}
    if field.kind == "text":
        return {field.name: gr.Textbox(**given, info=field.help, max_length=limits.max_text)}
    if field.kind == "switch":
        return {field.name: gr.Checkbox(**given, info=field.help, value=field.default)}
    if field.kind in ("whole number", "number"):
        precision = 0 if field.kind == "whole number" else None
        maximum = limits.largest(field.name)
        help_text = field.help if maximum is None else f"{field.help}; at most {maximum}"
        return {field.name: gr.Number(**given, info=help_text, value=field.default, precision=precision)}
    if field.kind == "image":
        what = "Picture: upload it, then paint over what is to be made anew"
        return {"image": _mask_editor(**given | {"label": what}, sources=("upload", "clipboard"))}
    if field.kind == "mask":
        return _mask_of_clip(field, command) if any(one.is_clip for one in command.inputs) else {}
    if field.kind == "video":
        return {"video_files": gr.File(**given, file_count="multiple", file_types=["image", "video"], height=140)}
    return _sketch(field, command, classes, size)


def _mask_editor(label: str, elem_id: str, **settings) -> PaintingEditor:
    return PaintingEditor(
        label=label,
        elem_id=elem_id,
        brush=gr.Brush(colors=[MASK_COLOR], color_mode="fixed"),
        layers=False,
        transforms=(),
        canvas_size=(CANVAS, CANVAS),
        height=CANVAS + 160,
        **settings,
    )


def _mask_of_clip(field: FormField, command: TaskCommand) -> dict[str, gr.components.Component]:
    label = "A frame of the clip: paint over what is to be made anew in all frames; left free, all but the first frame"
    return {"mask": _mask_editor(label=label, elem_id=f"{command.task.name}-mask", sources=())}


def _sketch(
    field: FormField, command: TaskCommand, classes: SketchClasses | None, size: tuple[int, int]
) -> dict[str, gr.components.Component]:
    if classes is None:
        gr.Markdown("This checkpoint has no codec of sketches.")
        return {}
    name, is_clip = command.task.name, field.kind == "sketches"
    height, width = size
    side = CANVAS / max(size)
    editor = PaintingEditor(
        label="Sketch: paint with the colours of the classes",
        elem_id=f"{name}-sketch",
        brush=gr.Brush(colors=classes.hex_colors, default_color=classes.hex_colors[1 % len(classes.names)],
                       color_mode="fixed"),
        layers=False,
        transforms=(),
        sources=(),
        canvas_size=(round(width * side), round(height * side)),
        fixed_canvas=True,
        height=CANVAS + 160,
    )
    gr.HTML(classes.legend, elem_id=f"{name}-classes")
    background = gr.Dropdown(
        list(classes.names), value=classes.names[0], label="What is left free shows", elem_id=f"{name}-sketch-background"
    )
    upload = gr.File(
        label=f"Or upload {field.help}",
        elem_id=f"{name}-sketch-file",
        file_count="multiple" if is_clip else "single",
        file_types=[".png", ".apng"],
        height=140,
    )
    parts = {"sketch": editor, "sketch_background": background, "sketch_files": upload}
    return parts | ({"sketch_frames": gr.State([])} if is_clip else {})
