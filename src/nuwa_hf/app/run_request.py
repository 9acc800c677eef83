# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A visitor's request, answered by the shared sampler: frames as they come, then the files."""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import PIL.Image
import torch

from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint
from nuwa_hf.app.reproduction import python_program, shell_command
from nuwa_hf.app.visitor_request import VisitorRequest
from nuwa_hf.cli.output_files import default_name, plan_files, write_result
from nuwa_hf.media import enlarge
from nuwa_hf.media.write_clips import check_gif_rate


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


def check_request(request: VisitorRequest, checkpoint: LoadedCheckpoint, limits: AppLimits) -> None:
    """Check a request against a checkpoint, before any work.

    Args:
        request (`VisitorRequest`): what is asked for.
        checkpoint (`LoadedCheckpoint`): what would do it.
        limits (`AppLimits`): how much may be asked for.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument has no valid value, or a clip is too long.
    """
    pipeline = checkpoint.pipeline(request.command.task.name)
    if request.command.task.output == "video":
        check_gif_rate(getattr(request.args, "fps", None) or pipeline.frame_rate)
    call = pipeline.check_inputs(**request.call_arguments)
    if call.num_frames > limits.max_frames:
        given = [one.name for one in request.command.inputs if one.is_clip]
        name = "num_frames" if getattr(request.args, "num_frames", None) or not given else given[0]
        raise ValueError(
            f"`{name}` must make a video of at most {limits.max_frames} frames (the limit of this app), with those "
            f"given, got {call.num_frames}; cut it, or ask for fewer."
        )


def run_request(
    request: VisitorRequest, checkpoint: LoadedCheckpoint, folder: Path, limits: AppLimits
) -> Iterator[PIL.Image.Image | Answer]:
    """Answer a request.

    Args:
        request (`VisitorRequest`): what is asked for.
        checkpoint (`LoadedCheckpoint`): what does it.
        folder (`Path`): where to write the results.
        limits (`AppLimits`): how long it may take.

    Yields:
        `PIL.Image.Image`: each frame as it comes, of all videos side by side, where the task can be streamed.
        `Answer`: at the end.

    Raises:
        SamplerFullError: If as many wait as may.
        TimeoutError: If it takes too long.
        TypeError: If an argument has the wrong type.
        ValueError: If an argument has no valid value.
    """
    task, scale = request.command.task, request.args.scale
    pipeline = checkpoint.pipeline(task.name)
    deadline = monotonic() + limits.max_seconds
    given = {**request.call_arguments, "generator": [torch.Generator().manual_seed(seed) for seed in request.seeds]}
    fps = getattr(request.args, "fps", None) or pipeline.frame_rate
    if hasattr(pipeline, "stream") and request.args.num_candidates == 1:
        clips = yield from _streamed(checkpoint, request, given, limits, deadline)
    else:
        future = checkpoint.sampler.submit(task.name, **given)
        try:
            output = future.result(timeout=max(0.0, deadline - monotonic()))
        except (TimeoutError, CancelledError):
            future.cancel()
            raise TimeoutError(_too_long(limits)) from None
        clips = [[image] for image in output.images] if task.output == "image" else output.frames
    inputs = [path.name for path in request.given_files]
    name = default_name(task, getattr(request.args, "prompt", None), inputs)
    files = plan_files(name, task.output, len(clips), with_sheet=False)
    written = []
    for clip, paths in zip(clips, files.results, strict=True):
        for path in paths:
            write_result(enlarge(clip, scale), folder / path, fps)
            written.append(folder / path)
    yield Answer(
        [folder / paths[0] for paths in files.results],
        [*written, *request.given_files],
        request.seeds,
        shell_command(request, checkpoint.name),
        python_program(request, checkpoint.name, files, fps),
    )


def _streamed(
    checkpoint: LoadedCheckpoint, request: VisitorRequest, given: dict[str, Any], limits: AppLimits, deadline: float
) -> Generator[PIL.Image.Image, None, list[list[PIL.Image.Image]]]:
    """The frames as they come; returns the videos of the call, whose frames the codec decodes together."""
    task, scale = request.command.task.name, request.args.scale
    pipeline = checkpoint.pipeline(task)
    given = {name: value for name, value in given.items() if name != "num_candidates"}
    num_frames = given.get("num_frames") or pipeline.max_frames
    if num_frames > pipeline.max_frames and given.get("overlap_frames") is None:
        given["overlap_frames"] = max(
            1, pipeline.max_frames // 2
        )  # as a call continues; a stream's default is another
    tokens = []
    with checkpoint.sampler.stream(task, **given | {"num_frames": num_frames, "output_type": "latent"}) as frames:
        for tokens_BHW in frames:
            if monotonic() > deadline:
                raise TimeoutError(_too_long(limits))
            tokens.append(tokens_BHW)
            with torch.no_grad():
                pictures = pipeline.decode_images(tokens_BHW[:, None], "pil")
            yield _side_by_side(enlarge(pictures, scale))
    with torch.no_grad():
        return pipeline.decode_frames(torch.stack(tokens, 1), "pil")


def _side_by_side(pictures: Sequence[PIL.Image.Image]) -> PIL.Image.Image:
    row = PIL.Image.new("RGB", (sum(one.width for one in pictures), pictures[0].height))
    for number, picture in enumerate(pictures):
        row.paste(picture, (number * picture.width, 0))
    return row


def _too_long(limits: AppLimits) -> str:
    return f"No result within {limits.max_seconds} seconds (the limit of this app); ask for less, or try again later."
