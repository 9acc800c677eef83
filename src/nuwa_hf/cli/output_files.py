# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The files that a sub-command writes: chooses their names, checks that they can be written, and writes them."""

import hashlib
import math
import os
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import PIL.Image

from nuwa_hf.media import IMAGE_SUFFIXES, write_gif, write_image, write_mp4
from nuwa_hf.media.whole_files import check_name
from nuwa_hf.media.write_clips import check_gif_rate, check_mp4_encoder
from nuwa_hf.tasks import Task


VIDEO_WRITERS = {".gif": write_gif, ".mp4": write_mp4}
SUFFIXES = {"image": IMAGE_SUFFIXES, "video": tuple(VIDEO_WRITERS)}
DEFAULT_SUFFIXES = {"image": (".png",), "video": tuple(VIDEO_WRITERS)}
SHEET_ENDINGS = {"image": "-sheet.png", "video": "-video-sheet.png"}  # no image has them, nor the sheet of the others
MAX_SLUG = 60  # bytes in UTF-8
DIGEST_LENGTH = 8


@dataclass(frozen=True)
class OutputFiles:
    """The files of the results.

    Args:
        results (`list[list[Path]]`): for each image or video its files.
        sheet (`Path`, *optional*): the contact sheet of all.
    """

    results: list[list[Path]]
    sheet: Path | None


def default_name(task: Task, prompt: str | None, inputs: Sequence[str]) -> str:
    """The default name of the output.

    Args:
        task (`Task`): the task.
        prompt (`str`, *optional*): the prompt.
        inputs (`Sequence[str]`): paths or URLs of the input files.

    Returns:
        `str`: the prompt as a file name or, without a prompt, the first input's name; "image" or "video" without
            either. The command follows where there are inputs, so that no two commands write the same files.
    """
    text = Path(inputs[0]).stem if prompt is None and inputs else prompt
    name = slug(text or "", task.output)
    return f"{name}-{task.command}" if inputs else name


def slug(text: str, fallback: str) -> str:
    """A text as a short file name: letters and digits of any script, joined by hyphens. One that is too long ends in a
    digest of all of it, so that texts that begin alike have names of their own.

    Args:
        text (`str`): the text.
        fallback (`str`): the name if the text has neither letters nor digits.

    Returns:
        `str`: the name.
    """
    normal = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    plain = ""
    for sign in normal:  # the marks of a letter are part of it, such as vowels of Indian scripts
        kind = unicodedata.category(sign)[0]
        plain += sign if kind in "LN" or (kind == "M" and plain[-1:].strip()) else " "
    name = "-".join(plain.split())
    whole = name.encode()
    if len(whole) > MAX_SLUG:
        end = f"-{hashlib.sha256(whole).hexdigest()[:DIGEST_LENGTH]}"
        name = whole[: MAX_SLUG - len(end)].decode(errors="ignore").rstrip("-") + end
    return name or fallback


def output_path(output: str | None, name: str) -> str:
    """Where the results go.

    Args:
        output (`str`, *optional*): what the user gave: a file, or a folder that is there.
        name (`str`): the default name, for a folder and if nothing was given.

    Returns:
        `str`: a path as `plan_files` takes it.
    """
    if output is None:
        return name
    has_suffix = Path(output).suffix.lower() in (*SUFFIXES["image"], *SUFFIXES["video"])
    is_folder = os.path.isdir(output) and (not has_suffix or output.endswith(("/", os.sep)))
    return os.path.join(output, name) if is_folder and output else output


def plan_files(output: str, kind: str, count: int, with_sheet: bool) -> OutputFiles:
    """Choose the names of the files to write.

    Args:
        output (`str`): a path with the suffix of a format, or without one for a PNG, or a GIF and an MP4.
        kind (`str`): `"image"` or `"video"`.
        count (`int`): images or videos; more than one are numbered from 1.
        with_sheet (`bool`): whether to make a contact sheet.

    Returns:
        `OutputFiles`: the files.

    Raises:
        ValueError: If `output` has another suffix, or no name.
    """
    if output.endswith(("/", os.sep)):
        raise ValueError(
            f"`--output` must be a file or a folder that is there, got {output!r}; make the folder first."
        )
    path = Path(output)
    suffixes = DEFAULT_SUFFIXES[kind]
    if path.suffix:
        if path.suffix.lower() not in SUFFIXES[kind]:
            default = "both" if len(suffixes) > 1 else suffixes[0]
            raise ValueError(
                f"`--output` must end in {' or '.join(SUFFIXES[kind])}, or have no suffix for {default}, got"
                f" {output!r}."
            )
        suffixes = (path.suffix,)
        path = path.with_suffix("")
    if not path.name:
        raise ValueError(f"`--output` must name a file, got {output!r}.")
    numbers = [""] if count == 1 else [f"-{number}" for number in range(1, count + 1)]
    results = [[path.with_name(f"{path.name}{number}{suffix}") for suffix in suffixes] for number in numbers]
    return OutputFiles(results, path.with_name(path.name + SHEET_ENDINGS[kind]) if with_sheet else None)


def check_writable(files: OutputFiles, inputs: Sequence[str]) -> None:
    """Check that every file can be written. Leaves nothing behind.

    Args:
        files (`OutputFiles`): what is to be written.
        inputs (`Sequence[str]`): paths or URLs of the input files, which must not be overwritten.

    Raises:
        OSError: If one cannot.
        ValueError: If one is an MP4, and there is no encoder for it.
    """
    paths = [path for result in files.results for path in result]
    paths += [] if files.sheet is None else [files.sheet]
    if any(path.suffix.lower() == ".mp4" for path in paths):
        check_mp4_encoder()
    real_inputs = {os.path.realpath(path) for path in inputs}
    for path in paths:
        check_name(path)
        if not path.parent.is_dir():
            raise OSError(f"Cannot write {path}: {path.parent} is no directory; make it first.")
        if path.is_dir():
            raise OSError(f"Cannot write {path}: it is a directory.")
        if os.path.realpath(path) in real_inputs:
            raise OSError(f"Cannot write {path}: it is an input; choose another name with --output.")
    for directory in {path.parent for path in paths}:
        try:
            with tempfile.TemporaryFile(dir=directory):
                pass
        except OSError as error:
            raise OSError(f"Cannot write into {directory.resolve()}: {error.strerror}.") from error


def check_speed(files: OutputFiles, fps: float) -> None:
    """Require a speed that the files can have.

    Args:
        files (`OutputFiles`): what is to be written.
        fps (`float`): frames per second of a video.

    Raises:
        ValueError: If one is a GIF and the speed is above 50.
    """
    if any(path.suffix.lower() == ".gif" for result in files.results for path in result):
        check_gif_rate(fps)


def check_scale(size: tuple[int, int], scale: int) -> None:
    """Require enlarged frames that Pillow opens without a warning.

    Args:
        size (`tuple[int, int]`): rows and columns before they are enlarged.
        scale (`int`): the factor.

    Raises:
        ValueError: If they are larger.
    """
    height, width = size
    most = PIL.Image.MAX_IMAGE_PIXELS
    if most is not None and height * width * scale**2 > most:
        raise ValueError(
            f"`--scale` must make frames of at most {most:,} pixels, got {scale}, which makes {width * scale} x "
            f"{height * scale}; use {math.isqrt(most // (height * width))} or less."
        )


def write_result(frames: Sequence[PIL.Image.Image], path: Path, fps: float) -> None:
    """Write an image or a video in the format given by the file's suffix.

    Args:
        frames (`Sequence[PIL.Image.Image]`): the video, or one image.
        path (`Path`): the file.
        fps (`float`): frames per second of a video.

    Raises:
        OSError: If it cannot be written.
        ValueError: If the format cannot store the frames.
    """
    writer = VIDEO_WRITERS.get(path.suffix.lower())
    if writer is None:
        write_image(frames[0], path)
    else:
        writer(frames, path, fps=fps)
