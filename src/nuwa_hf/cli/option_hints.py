# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Commands and options that other programs have: what to write instead."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

from nuwa_hf.argument_hints import as_spelt
from nuwa_hf.cli.command_table import all_summaries
from nuwa_hf.cli.task_arguments import options_of
from nuwa_hf.cli.task_commands import TASK_COMMANDS, TaskCommand
from nuwa_hf.exit_status import VERBOSE


# What stands for the count is `--num-images` or `--num-videos`. Lower case, with hyphens.
OTHER_NAMES = {
    "--output": ("out", "o", "output-dir", "output-path", "output-file", "outdir", "save-path"),
    "--checkpoint": ("model", "m", "model-id", "model-path", "ckpt", "pretrained-model-name-or-path"),
    "--guidance-scale": ("guidance", "cfg", "cfg-scale"),
    "--negative-prompt": ("negative", "uncond-prompt"),
    "--num-frames": ("frames", "length", "video-length", "duration", "seconds"),
    "--frame-rate": ("input-fps",),
    "--mask": ("mask-image", "mask-path"),
    "--seed": ("s", "random-seed"),
    "count": ("n", "num-samples", "num-outputs", "batch-size", "num-images", "num-videos", "num-images-per-prompt"),
    "--temperature": ("t", "temp"),
    "--device": ("cuda", "cpu", "gpu"),
}
SENTENCES = {
    (
        "steps",
        "num-inference-steps",
        "num-steps",
        "ddim-steps",
    ): "the number of steps follows from the frames, there is none to choose",
    ("height", "width", "size", "resolution", "image-size", "h", "w"): "the size is the checkpoint's; --scale N"
    " enlarges the files",
    ("fps", "num-frames", "frames"): "an image has no frames; nuwa-hf text-to-video makes videos",
    ("scheduler", "sampler"): "tokens are drawn; see --temperature, --top-k and --top-p",
    ("strength", "denoising-strength"): "what is drawn anew is said by --mask",
    ("dtype", "fp16", "half", "precision", "bf16"): "the weights have the checkpoint's type; load them by"
    " `from_pretrained(..., dtype=...)` in Python for another",
    ("mask", "mask-image"): "this command takes no mask",
}
INPUTS = {"prompt": ("prompt", "p", "text"), "image": ("image", "i", "input", "input-image", "init-image")}
INPUTS["video"] = ("video", *INPUTS["image"], "input-video")
INPUTS["sketch"] = ("sketch", *INPUTS["image"], "segmentation")


OTHER_COMMANDS = {
    "text-to-image": ("txt2img", "image"),
    "text-to-video": ("txt2vid", "txt2video", "video"),
    "complete": ("inpaint", "inpainting", "outpaint", "image-completion"),
    "predict": ("image-to-video", "img2vid", "video-prediction", "extend"),
    "edit-image": ("img2img", "image-to-image", "image-manipulation"),
    "edit-video": ("vid2vid", "video-to-video", "video-manipulation"),
}


def check_command(argv: Sequence[str]) -> None:
    """Refuse a command that is not there, and say which one of ours is meant or near.

    Args:
        argv (`Sequence[str]`): the command line, without the program.

    Raises:
        ValueError: If it begins with one.
    """
    known = all_summaries()
    if argv[0].startswith("-") or argv[0] in known:
        return
    name = argv[0].replace("_", "-").lower()
    for command in TASK_COMMANDS.values():
        ours = command.task.command
        others = (ours, command.task.abbreviation.lower(), *OTHER_COMMANDS.get(ours, ()))
        if name in others:
            raise ValueError(f"nuwa-hf has no command {argv[0]}: write nuwa-hf {ours}, which can {command.summary}.")
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    near = f"the nearest {'are' if len(close) > 1 else 'is'} {', '.join(close)}; " if close else ""
    raise ValueError(f"nuwa-hf has no command {argv[0]}: {near}nuwa-hf alone lists them all.")


def check_options(argv: Sequence[str]) -> None:
    """Refuse the first option that a task's command has not, and say what to write instead.

    Args:
        argv (`Sequence[str]`): the command line, without the program.

    Raises:
        ValueError: If there is one.
    """
    command = TASK_COMMANDS.get(argv[0]) if argv else None
    if command is None:
        return
    flags = [*(option.flag for option in options_of(command)), "--help", VERBOSE]
    for word in argv[1:]:
        if word == "--":
            return
        flag = as_spelt(word, flags).partition("=")[0]
        if not re.fullmatch(r"-[a-zA-Z]|--[a-zA-Z][\w-]*", flag) or flag in (*flags, "-h"):
            continue
        raise ValueError(f"nuwa-hf {argv[0]} has no option {flag}: {_hint(flag, command, flags)}.")


def refuse_more(words: Sequence[str], command: TaskCommand) -> NoReturn:
    """Refuse words that are more than a command takes, most of all those of a text without quotes.

    Args:
        words (`Sequence[str]`): what it does not take.
        command (`TaskCommand`): the command.

    Raises:
        ValueError: Always.
    """
    takes = f"nuwa-hf {command.task.command} takes {' '.join(one.metavar for one in command.inputs)}"
    remedy = "leave it out"
    if any(one.name == "prompt" for one in command.inputs):
        remedy = "put a text of several words in quotes"
        if words[0].startswith("-"):
            remedy = "write a text that begins with a hyphen last, after --"
    raise ValueError(f"{takes} and options, and got {words[0]!r} besides; {remedy}.")


def _hint(flag: str, command: TaskCommand, flags: Sequence[str]) -> str:
    name = flag.lstrip("-").replace("_", "-").lower()
    if f"--{name}" in flags:
        return f"write --{name}"
    for one in command.inputs:
        if name in INPUTS[one.name]:
            given = " ".join(part.metavar for part in command.inputs)
            return f"what is given comes without an option, nuwa-hf {command.task.command} {given}"
    count = f"--num-{command.task.output}s"
    for ours, theirs in OTHER_NAMES.items():
        ours = count if ours == "count" else ours
        if name in theirs and ours in flags:
            return f"write {ours}"
    for names, sentence in SENTENCES.items():
        if name in names:
            return sentence
    close = get_close_matches(f"--{name}", flags, n=1)
    return f"the closest is {close[0]}" if close else f"see nuwa-hf {command.task.command} --help"
