# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Everything that reads a stranger's file: pipelines, data sets, `tokenize` and, if Gradio is installed, the app."""

import re
import tempfile
import traceback
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from clip_folders import write_metadata
from form_values import values_of
from tiny import CODEBOOK_SIZE, FRAME_SIZE, tiny_inputs, tiny_pipeline

from nuwa_hf import NuwaImageCompletionPipeline, NuwaSketchToImagePipeline
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.training.tokens.token_files import TokenFiles
from nuwa_hf.training.tokens.tokenize_dataset import main as tokenize


NUM_FRAMES = 3
OF_PIPELINES = ("video", "image", "sketch")  # whose errors begin with the argument's name
TABS = {"video-prediction": "video", "image-completion": "image"}


class RefusedByApp(ValueError):  # noqa: N818 (says what happened)
    """What the app says at the field."""


def look_at(path: Path) -> dict[str, Any]:
    """Give a file to everything that reads one.

    Args:
        path (`Path`): the file.

    Returns:
        `dict[str, Any]`: of each reader "read" or the kind of refusal, and what went wrong under "faults".
    """
    faults, said = [], {}
    for name, reader in _readers(path).items():
        try:
            found = reader()
        except (ValueError, OSError) as error:
            said[name] = type(error).__name__
            text = str(error)
            if not _is_named(name, error, path):
                faults.append(f"{name}: does not name the argument or the file: {text[:200]}")
            if "\n" in text.strip():
                faults.append(f"{name}: more than one line: {text[:200]}")
        except BaseException:
            faults.append(f"{name}: {traceback.format_exc()[-600:]}")
        else:
            said[name] = "read"
            if found is not None and not _is_valid(found):
                faults.append(f"{name}: a wrong result of shape {tuple(found.shape)}")
    faults += [
        f"app, {given}: not what the pipeline says"
        for given in TABS.values()
        if f"app, {given}" in said and (said[f"app, {given}"] == "read") != (said.get(given) == "read")
    ]
    return {"said": said, "faults": faults}


def _is_named(reader: str, error: Exception, path: Path) -> bool:
    """Whether an error says what is wrong: the pipelines' argument, the file, or an argument in the house's way."""
    text = str(error)
    if reader in OF_PIPELINES:
        return text.startswith(f"`{reader}` must")
    of_file = isinstance(error, BrokenMediaError)  # whoever reads a data set says which file it was
    return of_file or path.name in text or re.match(r"`\w+` must ", text) is not None


@cache
def saved_checkpoint() -> Path:
    """A tiny pipeline's folder, which stays as long as the process."""
    folder = Path(tempfile.mkdtemp())
    tiny_pipeline("V2V").save_pretrained(folder)
    return folder


@cache
def app() -> Any:
    """The app of that checkpoint; None without Gradio."""
    if find_spec("gradio") is None:
        return None
    from nuwa_hf.app import build_app

    return build_app(saved_checkpoint(), device="cpu")


def _readers(path: Path) -> dict[str, Callable[[], torch.Tensor | None]]:
    pipeline, mask = tiny_pipeline("V2V"), tiny_inputs("I2I")["mask"]
    completion = NuwaImageCompletionPipeline.from_pipe(pipeline)
    readers = {
        "video": lambda: pipeline.check_inputs(video=path, num_frames=NUM_FRAMES).pixels,
        "image": lambda: completion.check_inputs(image=path, mask=mask).pixels,
        "sketch": lambda: NuwaSketchToImagePipeline.from_pipe(pipeline).check_inputs(sketch=path).sketches,
        "data set": lambda: _first_sample(path),
        "tokenize": lambda: _tokens(path),
    }
    if app() is not None:
        readers |= {f"app, {given}": partial(_upload, path, name, given) for name, given in TABS.items()}
    return readers


def _is_valid(found: torch.Tensor) -> bool:
    if found.dtype == torch.int32:  # tokens
        return bool(found.min() >= 0 and found.max() < CODEBOOK_SIZE)
    width, height = FRAME_SIZE
    if found.shape[-2:] != (height, width):
        return False
    return bool(found.isfinite().all() and found.min() >= 0 and (found.dtype == torch.int64 or found.max() <= 1))


def _data_set(path: Path, folder: Path) -> str:
    folder.mkdir()
    (folder / path.name).symlink_to(path)
    write_metadata(folder, [{"file_name": path.name, "text": "a clip"}])
    return str(folder)


def _first_sample(path: Path) -> torch.Tensor:
    width, height = FRAME_SIZE
    with tempfile.TemporaryDirectory() as temporary:
        clips = open_dataset(_data_set(path, Path(temporary, "clips")))
        media = CaptionedMedia(clips, height=height, width=width, num_frames=NUM_FRAMES)
        for number, row in media.rows(0):
            for sample in media.reader.read(number, row):
                clip = torch.from_numpy(np.asarray(sample["video"]))
                return clip.permute(0, 3, 1, 2).float() / 255
    raise RuntimeError("no sample, and nothing is said")


def _tokens(path: Path) -> torch.Tensor:
    with tempfile.TemporaryDirectory() as temporary:
        clips, tokens = Path(temporary, "clips"), Path(temporary, "tokens")
        flags = {"dataset": _data_set(path, clips), "checkpoint": saved_checkpoint(), "output_dir": tokens}
        try:
            tokenize([word for name, value in flags.items() for word in (f"--{name}", str(value))])
        except BaseException:
            if list(tokens.glob("*.safetensors")):
                raise RuntimeError("a file of tokens is left") from None
            raise
        found = TokenFiles.load(tokens).video_tokens[:].to(torch.int32)
        if len(found) != 1:
            raise RuntimeError(f"{len(found)} clips of one file")
        return found


def _upload(path: Path, name: str, given: str) -> None:
    tab, (width, height) = app().tabs[name], FRAME_SIZE
    painted = np.zeros((height, width, 4), np.uint8)
    painted[: height // 2] = 255
    painting = {"background": None, "layers": [PIL.Image.fromarray(painted)], "composite": None}
    filled = {"video_files": [str(path)]} if given == "video" else {"image_files": str(path), "mask": painting}
    wrong = [said["message"] for said in tab.check(*values_of(tab, filled)) if not said["is_valid"]]
    if len(wrong) > 1 or wrong == [""]:
        raise RuntimeError(f"not one message: {wrong}")
    if wrong:
        raise RefusedByApp(wrong[0])
