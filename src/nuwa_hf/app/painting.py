# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is painted in the browser: masks on a picture or a frame of a clip, sketches in the colours of the classes."""

from collections.abc import Sequence
from time import monotonic
from typing import Any

import gradio as gr
import PIL.Image

from nuwa_hf.app.blob_storage import bound_paintings
from nuwa_hf.app.clip_frames import frames_to_paint_on
from nuwa_hf.app.form_fields import FormField
from nuwa_hf.app.input_files import Painting, check_uploads, sketch_of
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.app.messages import shown_error
from nuwa_hf.cli.task_commands import TaskCommand
from nuwa_hf.media.frame_limit import reading_until


CANVAS = 512  # pixels of the longer side of what is painted on
HEIGHT = CANVAS + 130  # of an editor with its tools
MASK_COLOR = "#ff00ff"


def build_mask_editor(
    elem_id: str, command: TaskCommand, upload: gr.File, checkpoint: LoadedCheckpoint, limits: AppLimits
) -> gr.ImageEditor:
    """Build the editor of a mask, on the picture or on a frame of the clip that is uploaded.

    Args:
        elem_id (`str`): the editor's id.
        command (`TaskCommand`): the task's command.
        upload (`gr.File`): what is uploaded.
        checkpoint (`LoadedCheckpoint`): says which frames of a clip are taken.
        limits (`AppLimits`): how long they may be read.

    Returns:
        `gr.ImageEditor`: the editor.
    """
    is_clip = any(one.is_clip for one in command.inputs)
    with gr.Column():
        editor = _editor(
            label="Mask: paint over what is to be made anew",
            elem_id=elem_id,
            brush=gr.Brush(colors=[MASK_COLOR], color_mode="fixed"),
            checkpoint=checkpoint,
        )
        gr.Markdown(
            "The mask holds for every frame. Without one, all frames but the first are made anew.", visible=is_clip
        )
        place = gr.Slider(
            1, 2, value=1, step=1, label="Frame to paint on", elem_id=f"{elem_id}-frame", visible=False, buttons=[]
        )

    def read(uploads: str | Sequence[str] | None) -> list[PIL.Image.Image]:
        with shown_error(), reading_until(monotonic() + limits.max_seconds):
            given = [uploads] if isinstance(uploads, str) else uploads or []
            check_uploads("video" if is_clip else "image", given, limits)
            return frames_to_paint_on(uploads, checkpoint.pipeline(command.task.name), CANVAS)

    def show(uploads: str | Sequence[str] | None, number: float | None, painting: Painting | None) -> Painting | None:
        """Another frame, under what has been painted."""
        frames = read(uploads)
        if not frames:
            return None
        frame = frames[min(int(number or 1), len(frames)) - 1]
        return {"background": frame, "layers": painting["layers"] if painting else [], "composite": None}

    def show_first(uploads: str | Sequence[str] | None) -> tuple[PIL.Image.Image | None, Any]:
        frames = read(uploads)
        slider = gr.Slider(maximum=max(2, len(frames)), value=1, visible=len(frames) > 1)
        return (frames[0] if frames else None), slider

    hidden = {"api_visibility": "private", "show_progress": "hidden"}
    upload.change(show_first, upload, [editor, place], **hidden)
    # `release` would be by the mouse alone.
    place.input(show, [upload, place, editor], editor, trigger_mode="always_last", **hidden)
    return editor


def build_sketch_editor(
    field: FormField, command: TaskCommand, checkpoint: LoadedCheckpoint, limits: AppLimits
) -> dict[str, gr.components.Component]:
    """Build the editor of a sketch, or of the sketches of a clip, and the place to upload them.

    Args:
        field (`FormField`): the sketch.
        command (`TaskCommand`): the task's command.
        checkpoint (`LoadedCheckpoint`): knows the classes.
        limits (`AppLimits`): how many frames there may be.

    Returns:
        `dict[str, gr.components.Component]`: the form's inputs; none if the checkpoint knows no sketches.
    """
    name, classes, is_clip = command.task.name, checkpoint.classes, field.kind == "sketches"
    if classes is None:
        gr.Markdown("This checkpoint has no codec of sketches.", elem_id=f"{name}-no-sketches")
        return {}
    with gr.Column():
        editor = _editor(
            label="Sketch: paint it in the colours of the classes",
            elem_id=f"{name}-sketch",
            brush=gr.Brush(
                colors=classes.hex_colors,
                default_color=classes.hex_colors[1 % len(classes.names)],
                default_size=CANVAS // 12,
                color_mode="fixed",
            ),
            checkpoint=checkpoint,
            fixed_canvas=True,
        )
        gr.HTML(classes.legend, elem_id=f"{name}-classes")
        background = gr.Dropdown(
            list(classes.names),
            value=classes.names[0],
            label="Class of what is left free",
            elem_id=f"{name}-sketch-background",
        )
        parts = {"sketch": editor, "sketch_background": background}
        if is_clip:
            parts["sketch_frames"] = _frames_of_clip(name, editor, background, checkpoint, limits)
        parts["sketch_files"] = gr.File(
            label=f"Or upload {field.help}",
            elem_id=f"{name}-sketch-file",
            file_count="multiple" if is_clip else "single",
            file_types=[".png", ".apng"],
            height=150,
        )
    return parts


def _frames_of_clip(
    name: str, editor: gr.ImageEditor, background: gr.Dropdown, checkpoint: LoadedCheckpoint, limits: AppLimits
) -> gr.State:
    """The sketches that have been painted so far, and the buttons to add one and to start over."""
    frames = gr.State([])
    with gr.Row():
        add = gr.Button("Add as the next frame", elem_id=f"{name}-add-frame")
        clear = gr.Button("Start over", elem_id=f"{name}-clear-frames")
    shown = gr.Gallery(
        label="Frames so far",
        elem_id=f"{name}-frames",
        interactive=False,
        columns=6,
        object_fit="contain",
        format="png",
    )

    def add_frame(painting: Painting | None, free: str | None, so_far: list[PIL.Image.Image]):
        if len(so_far) >= limits.max_frames:
            raise gr.Error(f"A clip has at most {limits.max_frames} frames here.", print_exception=False)
        with shown_error():
            sketch = sketch_of(painting, free, checkpoint.classes, checkpoint.size)
        if sketch is None:
            raise gr.Error("Paint something first.", print_exception=False)
        so_far = [*so_far, sketch]
        return so_far, [one.convert("RGB") for one in so_far]

    add.click(add_frame, [editor, background, frames], [frames, shown], api_visibility="private")
    clear.click(lambda: ([], []), None, [frames, shown], api_visibility="private")
    return frames


def _editor(checkpoint: LoadedCheckpoint, **settings: Any) -> gr.ImageEditor:
    """An editor whose canvas has the proportion of the model's pictures."""
    height, width = checkpoint.size
    longer = max(height, width)
    editor = gr.ImageEditor(
        type="pil",
        image_mode="RGBA",
        format="png",
        layers=False,
        transforms=(),
        sources=(),
        canvas_size=(round(CANVAS * width / longer), round(CANVAS * height / longer)),
        height=HEIGHT,
        **settings,
    )
    bound_paintings(editor)
    return editor
