# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The shell command and the Python program that make a result again."""

import shlex
from typing import Any

import torch

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.app.form_fields import fields_of
from nuwa_hf.app.visitor_request import VisitorRequest
from nuwa_hf.cli.output_files import OutputFiles
from nuwa_hf.device_choice import choose_device


def shell_command(request: VisitorRequest, checkpoint: str, device: torch.device) -> str:
    """The command that makes the same files, in a folder with those that were given.

    Args:
        request (`VisitorRequest`): what was asked for.
        checkpoint (`str`): a folder or Hub id.
        device (`torch.device`): where it is.

    Returns:
        `str`: one line, quoted for a shell as POSIX describes it.
    """
    places, words = [], ["nuwa-hf", request.command.task.command]
    for field in fields_of(request.command):
        value = _by_name(request, getattr(request.args, field.name))
        if field.flag is None:
            places += [] if value is None else value if isinstance(value, list) else [value]
        elif field.kind == "switch":
            words += [field.flag] if value != field.default else []
        elif value is not None and value != field.default:
            words.append(f"{field.flag}={value}")
    if checkpoint != str(DEMO_CHECKPOINT):
        words.append(f"--checkpoint={checkpoint}")
    if device != choose_device(None):
        words.append(f"--device={device}")
    return shlex.join([*words, *(["--"] if places else []), *places])


def python_program(
    request: VisitorRequest, checkpoint: str, device: torch.device, files: OutputFiles, fps: float
) -> str:
    """The program that makes the same files, in a folder with those that were given.

    Args:
        request (`VisitorRequest`): what was asked for.
        checkpoint (`str`): a folder or Hub id.
        device (`torch.device`): where it is.
        files (`OutputFiles`): the files of the results.
        fps (`float`): frames per second of videos.

    Returns:
        `str`: a whole program.
    """
    task, seeds = request.command.task, request.seeds
    is_demo = checkpoint == str(DEMO_CHECKPOINT)
    is_video = task.output == "video"
    place = "DEMO_CHECKPOINT" if is_demo else repr(checkpoint)
    move = "" if device.type == "cpu" else f'.to("{device}")'
    given = {name: _by_name(request, value) for name, value in request.call_arguments.items() if value is not None}
    writers = ("write_gif", "write_mp4") if is_video else ("write_png",)
    names = sorted(["DEMO_CHECKPOINT", task.pipeline] if is_demo else [task.pipeline])
    names_of_results = [paths[0].stem for paths in files.results]
    lines = [
        "import torch",
        "",
        f"from nuwa_hf import {', '.join(names)}",
        f"from nuwa_hf.media import {', '.join(['enlarge', *writers])}",
        "",
        "",
        f"pipeline = {task.pipeline}.from_pretrained({place}){move}",
        "output = pipeline(",
        *(f"    {name}={value!r}," for name, value in given.items()),
        f"    generator=[torch.Generator().manual_seed(seed) for seed in {seeds!r}],",
        ")",
    ]
    if is_video:
        lines += [
            f"for frames, name in zip(output.frames, {names_of_results!r}):",
            f"    frames = enlarge(frames, {request.args.scale})",
            f'    write_gif(frames, f"{{name}}.gif", fps={fps!r})',
            f'    write_mp4(frames, f"{{name}}.mp4", fps={fps!r})',
        ]
    else:
        lines += [
            f"for image, name in zip(output.images, {names_of_results!r}):",
            f'    write_png(enlarge([image], {request.args.scale})[0], f"{{name}}.png")',
        ]
    return "\n".join(lines) + "\n"


def _by_name(request: VisitorRequest, value: Any) -> Any:
    """A value in which the files that were given go by their names alone."""
    if isinstance(value, list):
        return [_by_name(request, one) for one in value]
    names = {str(path): path.name for path in request.input_files}
    return names.get(value, value) if isinstance(value, str) else value
