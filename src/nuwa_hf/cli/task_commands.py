# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The sub-commands of the eight tasks, as one table.

A command takes the arguments of its pipeline's call, under the same names. They are repeated here so that the command
line can be parsed, and its help shown, without importing anything slow.
"""

from dataclasses import dataclass

from nuwa_hf.tasks import Task, get_task


@dataclass(frozen=True)
class Input:
    """An argument of a pipeline's call that is a positional argument of the command.

    Args:
        name (`str`): its name in the call.
        metavar (`str`): its name in the help.
        help (`str`): what it is.
        is_clip (`bool`, *optional*, defaults to `False`): whether several files are the frames of one clip.
        is_optional (`bool`, *optional*, defaults to `False`): whether it may be left out.
    """

    name: str
    metavar: str
    help: str
    is_clip: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class TaskCommand:
    """A sub-command of `nuwa-hf`.

    Args:
        task (`Task`): the task, which has the command's name.
        summary (`str`): what it does.
        inputs (`tuple[Input, ...]`): its positional arguments.
        options (`tuple[str, ...]`): the other arguments of its pipeline's call, except the number to make.
        example (`str`): a whole command line.
        needed (`tuple[str, ...]`, *optional*, defaults to `()`): the options that must be given.
    """

    task: Task
    summary: str
    inputs: tuple[Input, ...]
    options: tuple[str, ...]
    example: str
    needed: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """The summary, and what the command writes."""
        formats = {"image": "images as PNG", "video": "videos as GIF and MP4"}[self.task.output]
        return f"{self.summary.capitalize()}. Writes {formats}; files of the same name are replaced."

    @property
    def parameters(self) -> set[str]:
        """The arguments of the pipeline's call that the command takes."""
        return {*(one.name for one in self.inputs), *self.options, self.count_name}

    @property
    def count_name(self) -> str:
        """The argument of the pipeline's call that says how many to make."""
        return f"num_{self.task.output}s_per_prompt"


PROMPT = Input("prompt", "PROMPT", "what to show, in quotes")
OPTIONAL_PROMPT = Input("prompt", "PROMPT", "what to show, in quotes; may be left out", is_optional=True)
IMAGE = Input("image", "IMAGE", "an image file or its URL")
VIDEO = Input("video", "VIDEO", "a GIF, an MP4 or another video file, or an image file for each frame", is_clip=True)
VIDEO_OR_IMAGE = Input("video", "VIDEO", "an image, or the first frames as a video or image files", is_clip=True)
SKETCH = Input("sketch", "SKETCH", 'a PNG of mode "P" or "L" whose values are the classes')
SKETCHES = Input("sketch", "SKETCH", 'a PNG of mode "P" or "L" for each frame, or one that is animated', is_clip=True)

TEXT = ("negative_prompt", "guidance_scale")
SAMPLING = ("temperature", "top_k", "top_p", "min_p")
KNOWN = ("mask", "condition_on_known", "composite")

TASK_COMMANDS = {
    command.task.command: command
    for command in (
        TaskCommand(
            get_task("T2I"),
            "make images of a text",
            (OPTIONAL_PROMPT,),
            (*TEXT, *SAMPLING, "num_candidates"),
            'nuwa-hf text-to-image "a red apple on the grass" --num-images 8 --seed 0 --contact-sheet',
        ),
        TaskCommand(
            get_task("T2V"),
            "make videos of a text",
            (OPTIONAL_PROMPT,),
            ("num_frames", "overlap_frames", *TEXT, *SAMPLING, "num_candidates"),
            'nuwa-hf text-to-video "a rocket flies upwards over the sea" --num-videos 4 --seed 0 --contact-sheet',
        ),
        TaskCommand(
            get_task("S2I"),
            "make images of a sketch",
            (SKETCH,),
            ("prompt", *TEXT, *SAMPLING),
            'nuwa-hf sketch-to-image sketch.png --prompt "a dog in the snow" --num-images 4',
        ),
        TaskCommand(
            get_task("S2V"),
            "make videos of a sketch for each frame",
            (SKETCHES,),
            ("prompt", "frame_rate", "overlap_frames", *TEXT, *SAMPLING),
            "nuwa-hf sketch-to-video sketch-0.png sketch-1.png sketch-2.png sketch-3.png --seed 0",
        ),
        TaskCommand(
            get_task("I2I"),
            "fill a part of an image so that it fits the rest",
            (IMAGE,),
            (*KNOWN, *SAMPLING),
            "nuwa-hf complete image.png --mask mask.png --num-images 4 --contact-sheet",
            needed=("mask",),
        ),
        TaskCommand(
            get_task("V2V"),
            "continue a video, or an image as a video",
            (VIDEO_OR_IMAGE,),
            ("num_frames", "frame_rate", "overlap_frames", "condition_on_known", "composite", *SAMPLING),
            "nuwa-hf predict image.png --num-frames 12 --num-videos 4 --contact-sheet",
        ),
        TaskCommand(
            get_task("TI2I"),
            "draw a part of an image anew for a text",
            (PROMPT, IMAGE),
            (*KNOWN, *TEXT, *SAMPLING, "num_candidates"),
            'nuwa-hf edit-image "a cat on the grass" image.png --mask mask.png --num-candidates 4',
            needed=("mask",),
        ),
        TaskCommand(
            get_task("TV2V"),
            "draw a part of a video anew for a text",
            (PROMPT, VIDEO),
            (*KNOWN, "num_frames", "frame_rate", "overlap_frames", *TEXT, *SAMPLING, "num_candidates"),
            'nuwa-hf edit-video "a rocket flies upwards over the sea" clip.gif --seed 0',
        ),
    )
}
