# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The arguments of the sub-commands: those of their pipelines' calls, and the files to read and write."""

import argparse
from dataclasses import dataclass
from typing import Any

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.cli.task_commands import TaskCommand
from nuwa_hf.exit_status import add_verbose
from nuwa_hf.media.limits import MAX_CLIP_FRAMES


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Args:
        flag (`str`): as the user types it.
        name (`str`): its name in the pipeline's call, or in the parsed arguments.
        help (`str`): what it does.
        metavar (`str`, *optional*, defaults to `"N"`): the placeholder of its value in the help.
        type (`type`, *optional*, defaults to `int`): of its value. An `int` is at least 1.
        default (*optional*): its value if it is not given. That of a switch, which has no value, is a `bool`.
        default_text (`str`, *optional*): the default in words.
        maximum (`int`, *optional*): the largest whole number allowed.
    """

    flag: str
    name: str
    help: str
    metavar: str = "N"
    type: type = int
    default: Any = None
    default_text: str | None = None
    maximum: int | None = None

    def add_to(self, parser: argparse.ArgumentParser, *, is_required: bool) -> None:
        """Add the option to a parser.

        Args:
            parser (`argparse.ArgumentParser`): the parser.
            is_required (`bool`): whether it must be given.
        """
        if isinstance(self.default, bool):
            action = "store_false" if self.default else "store_true"
            parser.add_argument(self.flag, dest=self.name, action=action, help=self.help)
            return
        default_text = "" if is_required else f" (default: {self.default_text or self.default})"
        parser.add_argument(
            self.flag,
            dest=self.name,
            type=self.type,
            default=self.default,
            required=is_required,
            metavar=self.metavar,
            help=self.help + default_text,
        )


OF_CHECKPOINT = {"default_text": "the checkpoint's"}
# A command has those of these options that its pipeline's call takes under the same name, except its inputs.
PIPELINE_OPTIONS = (
    Option("--prompt", "prompt", "what to show, in quotes", "TEXT", str, default_text="none"),
    Option(
        "--mask",
        "mask",
        "picture of the input's size, white where to fill and black where to keep",
        "FILE",
        str,
        default_text="fills all frames but the first",
    ),
    Option(
        "--num-frames", "num_frames", "frames of a video, with those given", maximum=MAX_CLIP_FRAMES, **OF_CHECKPOINT
    ),
    Option(
        "--frame-rate",
        "frame_rate",
        "frames per second of what is given",
        "X",
        float,
        default_text="the file's own, of images the checkpoint's",
    ),
    Option(
        "--overlap-frames",
        "overlap_frames",
        "frames that each further part of a long video sees of the one before",
        default_text="half of a part",
    ),
    Option("--num-images", "num_images_per_prompt", "images to make", default=1),
    Option("--num-videos", "num_videos_per_prompt", "videos to make", default=1),
    Option("--num-candidates", "num_candidates", "draw N of each and keep the one that fits the text best", default=1),
    Option("--negative-prompt", "negative_prompt", "what to lead away from", "TEXT", str, default_text="none"),
    Option("--guidance-scale", "guidance_scale", "at least 1", "X", float, **OF_CHECKPOINT),
    Option("--temperature", "temperature", "at least 0", "X", float, **OF_CHECKPOINT),
    Option("--top-k", "top_k", "sample among N tokens; 0 for all", **OF_CHECKPOINT),
    Option("--top-p", "top_p", "in (0, 1]", "X", float, **OF_CHECKPOINT),
    Option("--min-p", "min_p", "in [0, 1]", "X", float, **OF_CHECKPOINT),
    Option("--no-composite", "composite", "decode also the pixels that are kept", default=True),
    Option(
        "--no-condition-on-known", "condition_on_known", "the paper's way: see only what comes before", default=True
    ),
)
SEED = Option("--seed", "seed", "seed of the first result; each further one adds 1", default_text="random")
OUTPUT = {
    "image": Option(
        "--output", "output", ".png, .jpg or .webp; or a folder", "PATH", str, default_text="a PNG named by the input"
    ),
    "video": Option(
        "--output",
        "output",
        ".gif or .mp4, without suffix both; or a folder",
        "PATH",
        str,
        default_text="named by the input",
    ),
}
SHARED_OPTIONS = (
    SEED,
    Option(
        "--checkpoint",
        "checkpoint",
        "a folder, a Hub id or embedded",
        "DIR|ID",
        str,
        default=str(DEMO_CHECKPOINT),
        default_text="embedded",
    ),
    Option(
        "--device", "device", "for example cpu or cuda", "NAME", str, default_text="the accelerator if any, else cpu"
    ),
    Option("--scale", "scale", "enlarge N times, nearest", default=4),
    Option("--json", "json", "print JSON: the files, their seeds, time and device", default=False),
    Option("--contact-sheet", "contact_sheet", "also write a PNG with what was given and all results", default=False),
)
FPS = Option("--fps", "fps", "frames per second of the files written, a GIF's at most 50", "X", float, **OF_CHECKPOINT)


def options_of(command: TaskCommand) -> list[Option]:
    """The options of a command.

    Args:
        command (`TaskCommand`): the command.

    Returns:
        `list[Option]`: in the order of the help.
    """
    by_place = {one.name for one in command.inputs}
    taken = [one for one in PIPELINE_OPTIONS if one.name in command.parameters and one.name not in by_place]
    return [OUTPUT[command.task.output], *taken, *SHARED_OPTIONS, *([FPS] if command.task.output == "video" else [])]


def add_arguments(parser: argparse.ArgumentParser, command: TaskCommand) -> None:
    """Add the arguments of a command to a parser.

    Args:
        parser (`argparse.ArgumentParser`): the sub-command's parser.
        command (`TaskCommand`): the command.
    """
    for one in command.inputs:
        nargs = "+" if one.is_clip else "?" if one.is_optional else None
        parser.add_argument(one.name, metavar=one.metavar, nargs=nargs, help=one.help)
    for option in options_of(command):
        option.add_to(parser, is_required=option.name in command.needed)
    add_verbose(parser)


def pipeline_arguments(command: TaskCommand, args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of the pipeline's call, without the generators.

    Args:
        command (`TaskCommand`): the command.
        args (`argparse.Namespace`): its parsed arguments.

    Returns:
        `dict[str, Any]`: the arguments by name.
    """
    given = {name: value for name, value in vars(args).items() if name in command.parameters}
    for one in command.inputs:
        if one.is_clip:  # a batch of one clip, so that files with frames of their own cannot become a batch of many
            given[one.name] = given[one.name][0] if len(given[one.name]) == 1 else [given[one.name]]
    return given


def input_files(command: TaskCommand, args: argparse.Namespace) -> list[tuple[str, str]]:
    """The files and URLs to read.

    Args:
        command (`TaskCommand`): the command.
        args (`argparse.Namespace`): its parsed arguments.

    Returns:
        `list[tuple[str, str]]`: for each, the name of its argument and its path or URL.
    """
    names = [one.name for one in command.inputs if one.name != "prompt"]
    names += ["mask"] if getattr(args, "mask", None) is not None else []
    values = [(name, getattr(args, name)) for name in names]
    return [(name, path) for name, value in values for path in (value if isinstance(value, list) else [value])]
