# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a folder holds: a pipeline, an adapter, a model or a tokenizer."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from nuwa_hf.storage.find_checkpoint import EMBEDDED, settings_file
from nuwa_hf.storage.local_checkpoint import (
    EMPTY,
    INDEX_FILE,
    check_checkpoint_folder,
    check_weights,
    is_local_path,
    read_json,
)
from nuwa_hf.storage.portable_names import PEFT_ORIGIN


Kind = Literal["pipeline", "adapter", "model", "tokenizer"]
# The file that identifies each kind, checked in this order.
MARKER_FILES: dict[Kind, str] = {
    "pipeline": INDEX_FILE,
    "adapter": "adapter_config.json",
    "model": "config.json",
    "tokenizer": "tokenizer_config.json",
}
WITH_WEIGHTS = ("adapter", "model")


def checkpoint_kind(folder: Path) -> Kind:
    """What a folder holds.

    Args:
        folder (`Path`): where `save_pretrained` wrote.

    Returns:
        `str`: `"pipeline"`, `"adapter"`, `"model"` or `"tokenizer"`.

    Raises:
        ValueError: If it holds none of them.
        OSError: If it holds one that is incomplete.
    """
    if not folder.is_dir():
        raise ValueError(f"`folder` must be a folder that `save_pretrained` wrote, got {str(folder)!r}.")
    kind = next((kind for kind, marker in MARKER_FILES.items() if (folder / marker).is_file()), None)
    if kind is None:
        raise ValueError(
            f"`folder` must hold a pipeline, an adapter, a model or a tokenizer ({', '.join(MARKER_FILES.values())}),"
            f" got {str(folder)!r}, which has none of these files; give the folder that `save_pretrained` wrote."
        )
    if kind == "pipeline":
        index = read_json(folder / INDEX_FILE)
        components = [name for name, value in components_of(index).items() if value != EMPTY]
        check_checkpoint_folder(folder, required=components)
    elif kind in WITH_WEIGHTS:
        if not any(folder.glob("*.safetensors")):
            raise OSError(
                f"Incomplete checkpoint: {folder} has a {MARKER_FILES[kind]} but no weights (*.safetensors); "
                "save it again, or copy all of its files."
            )
        check_weights(folder)
    return kind


def base_of_adapter(name_or_path: str | os.PathLike, subfolder: str | None = None, **hub: Any) -> str | None:
    """The model that an adapter is for, where a local folder holds an adapter and no model, or where a repository
    holds an adapter of the embedded checkpoint. The models of others in repositories are found by transformers.

    Args:
        name_or_path (`str` or `os.PathLike`): what `from_pretrained` was given.
        subfolder (`str`, *optional*): the adapter's folder in it.
        hub: `revision`, `token`, `cache_dir` and others, for the Hub.

    Returns:
        `str`: what the adapter says it was loaded onto, as for `find_checkpoint`; None for anything else.

    Raises:
        ValueError: If the package peft is not installed.
        OSError: If the adapter's configuration is broken, or names no model.
    """
    if is_local_path(name_or_path):
        folder = Path(name_or_path, subfolder or "")
        file = folder / MARKER_FILES["adapter"]
        if any((place / MARKER_FILES["model"]).is_file() for place in (folder, Path(name_or_path))):
            return None
    else:
        file = settings_file(name_or_path, MARKER_FILES["adapter"], {**hub, "subfolder": subfolder})
        if file is None or read_json(file).get(PEFT_ORIGIN) != EMBEDDED:
            return None
    if not file.is_file():
        return None
    if find_spec("peft") is None:
        raise ValueError("An adapter must be loaded by the package peft; run `pip install nuwa_hf[lora]`.")
    base = read_json(file).get(PEFT_ORIGIN)
    if not isinstance(base, str) or not base:
        raise OSError(
            f"Incomplete checkpoint: {file} must name the model that it is for as `{PEFT_ORIGIN}`, got {base!r}; load "
            "that model, then the adapter with `model.load_adapter(folder)`."
        )
    return base


def components_of(index: dict[str, Any]) -> dict[str, list]:
    """The components that a pipeline's index names, each with its library and class.

    Args:
        index (`dict`): a `model_index.json`.

    Returns:
        `dict[str, list]`; `[None, None]` for a component that the pipeline does not have.
    """
    # Where the folder has code, the pipeline's own class is a list too.
    return {name: value for name, value in index.items() if isinstance(value, list) and not name.startswith("_")}


def class_name(folder: Path, kind: Kind) -> str | None:
    """The class that wrote a pipeline or a model.

    Args:
        folder (`Path`): where it wrote.
        kind (`str`): what `checkpoint_kind` returned.

    Returns:
        `str` or None: its name, if the folder contains it.
    """
    config = read_json(folder / MARKER_FILES[kind])
    name = config.get("_class_name") or next(iter(config.get("architectures") or []), None)
    return name[-1] if isinstance(name, list) else name  # with its module, where the folder has code


def files_in(folder: Path) -> list[str]:
    """The files in a folder and in the folders in it, also in those that are links.

    Args:
        folder (`Path`): a folder.

    Returns:
        `list[str]`: their sorted paths relative to it, without hidden files and Python's caches.
    """
    found, todo = [], [(folder, {folder.resolve()})]
    while todo:
        one, around = todo.pop()
        for path in one.iterdir():
            if path.name.startswith((".", "__pycache__")):
                continue
            if path.is_dir() and (real := path.resolve()) not in around:  # else a link around itself, without end
                todo.append((path, around | {real}))
            elif path.is_file():
                found.append(path.relative_to(folder).as_posix())
    return sorted(found)
