# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A visitor's request, answered by the shared sampler: frames as they come, then the files."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import PIL.Image
import torch

from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.app.reproduction import python_program, shell_command
from nuwa_hf.app.running_request import RunningRequest
from nuwa_hf.app.visitor_request import VisitorRequest
from nuwa_hf.cli.output_files import default_name, plan_files, write_result
from nuwa_hf.media import enlarge
from nuwa_hf.media.write_clips import check_gif_rate
from nuwa_hf.pipelines.checked_call import CheckedCall


@dataclass(frozen=True)
class Answer:
    """The result of a request.

    Args:
        shown (`list[Path]`): of each result the file to look at.
        files (`list[Path]`): all files: results, and what was given.
        seeds (`list[int]`): the seed of each result.
        command (`str`): makes the same files in a shell.
        program (`str`): makes the same files in Python.
    """

    shown: list[Path]
    files: list[Path]
    seeds: list[int]
    command: str
    program: str


def check_request(request: VisitorRequest, checkpoint: LoadedCheckpoint, limits: AppLimits) -> CheckedCall:
    """Check a request against a checkpoint, and read its files, before any work.

    Args:
        request (`VisitorRequest`): what is asked for.
        checkpoint (`LoadedCheckpoint`): what would do it.
        limits (`AppLimits`): how much may be asked for.

    Returns:
        `CheckedCall`: what the checkpoint is to do.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument has no valid value, or a clip is too long.
    """
    pipeline = checkpoint.pipeline(request.command.task.name)
    if request.command.task.output == "video":
        check_gif_rate(getattr(request.args, "fps", None) or pipeline.frame_rate)
    generators = [torch.Generator().manual_seed(seed) for seed in request.seeds]
    call = pipeline.check_inputs(**request.call_arguments, generator=generators)
    if call.num_frames > limits.max_frames:
        # A sketch for each frame says how many there are; of other clips as many are taken as are asked for.
        name = "num_frames" if "num_frames" in request.command.options else "sketch"
        raise ValueError(
            f"`{name}` must make a video of at most {limits.max_frames} frames (the limit of this app), with those "
            f"given, got {call.num_frames}; ask for fewer."
        )
    return call


def run_request(
    request: VisitorRequest,
    call: CheckedCall,
    checkpoint: LoadedCheckpoint,
    folder: Path,
    limits: AppLimits,
    deadline: float,
) -> Iterator[PIL.Image.Image | Answer | None]:
    """Answer a request.

    Args:
        request (`VisitorRequest`): what is asked for.
        call (`CheckedCall`): the same, as `check_request` returned it.
        checkpoint (`LoadedCheckpoint`): what does it.
        folder (`Path`): where to write the results.
        limits (`AppLimits`): how long it may take.
        deadline (`float`): when that is over, by the monotonic clock, in seconds.

    Yields:
        `PIL.Image.Image`: each frame as it comes, of all videos side by side.
        `None`: now and then, while there is nothing new.
        `Answer`: at the end.

    Raises:
        SamplerFullError: If as many wait as may.
        TimeoutError: If it takes too long.
    """
    task, scale = request.command.task, request.args.scale
    fps = getattr(request.args, "fps", None) or checkpoint.pipeline(task.name).frame_rate
    running = RunningRequest(checkpoint, task.name, call, limits.max_seconds, deadline)
    with closing(running.frames()) as frames:
        for pictures in frames:
            yield None if pictures is None else _side_by_side(enlarge(pictures, scale))
    output = running.output()
    clips = [[image] for image in output.images] if task.output == "image" else output.frames
    inputs = [path.name for path in request.input_files]
    name = default_name(task, getattr(request.args, "prompt", None), inputs)
    files = plan_files(name, task.output, len(clips), with_sheet=False)
    written = []
    for clip, paths in zip(clips, files.results, strict=True):
        for path in paths:
            write_result(enlarge(clip, scale), folder / path, fps)
            written.append(folder / path)
    yield Answer(
        [folder / paths[0] for paths in files.results],
        [*written, *request.input_files],
        request.seeds,
        shell_command(request, checkpoint.name, checkpoint.device),
        python_program(request, checkpoint.name, checkpoint.device, files, fps),
    )


def _side_by_side(pictures: Sequence[PIL.Image.Image]) -> PIL.Image.Image:
    row = PIL.Image.new("RGB", (sum(one.width for one in pictures), pictures[0].height))
    for number, picture in enumerate(pictures):
        row.paste(picture, (number * picture.width, 0))
    return row
