# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Checks that a local folder is a complete checkpoint, before a pipeline loads anything from it."""

import json
import os
from collections.abc import Collection
from pathlib import Path

from safetensors import SafetensorError, safe_open


INDEX_FILE = "model_index.json"
# How `save_pretrained` writes an optional component that the pipeline does not have.
EMPTY = [None, None]
# Components that have no weights, with the files they must have; every other one is a model with a config.json.
TOKENIZER_FILES = {"tokenizer": ("tokenizer.json", "tokenizer_config.json")}


def is_local_path(name_or_path: str | os.PathLike) -> bool:
    """Whether a checkpoint's name can only be a local path, or is one that exists.

    Args:
        name_or_path (`str` or `os.PathLike`): what the user gave to `from_pretrained`.

    Returns:
        `bool`: False for a possible id of a repository on the Hub, `name` or `owner/name`.
    """
    text = os.fspath(name_or_path)
    looks_local = not isinstance(name_or_path, str) or text.startswith((".", "/", "~")) or text.count("/") > 1
    return looks_local or os.path.exists(text)


def check_checkpoint_folder(folder: Path, required: Collection[str], optional: Collection[str] = ()) -> None:
    """Check that a folder holds every component that a pipeline is about to load.

    Args:
        folder (`Path`): the checkpoint.
        required (`Collection[str]`): names of the components it must hold.
        optional (`Collection[str]`): names of the components it may hold; if its index names them, it must.

    Raises:
        OSError: If the folder, its index, a component, or a part of one is missing or truncated.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise OSError(f"No checkpoint: {folder} {what}; give a folder with a {INDEX_FILE}, or a Hub repository's id.")
    if not (folder / INDEX_FILE).is_file():
        raise OSError(f"No checkpoint: {folder} has no {INDEX_FILE}; give a folder that a pipeline was saved to.")
    try:
        index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
    except ValueError as error:
        raise OSError(f"Broken checkpoint: {folder / INDEX_FILE} is not valid JSON ({error}).") from error
    for name in required:
        if name not in index:
            raise OSError(f"Incomplete checkpoint: {folder / INDEX_FILE} names no component `{name}`.")
    for name in (*required, *optional):
        if index.get(name, EMPTY) != EMPTY:
            _check_component(folder / name, TOKENIZER_FILES.get(name))


def _check_component(folder: Path, tokenizer_files: tuple[str, ...] | None) -> None:
    if not folder.is_dir():
        raise OSError(f"Incomplete checkpoint: the component folder {folder} is missing.")
    for file in tokenizer_files or ("config.json",):
        if not (folder / file).is_file():
            raise OSError(f"Incomplete checkpoint: {folder} has no {file}.")
    if tokenizer_files is None:
        _check_weights(folder)


def _check_weights(folder: Path) -> None:
    weights = sorted(folder.glob("*.safetensors"))
    indices = sorted(folder.glob("*.safetensors.index*.json"))
    if not weights and not indices and not any(folder.glob("*.bin")):
        raise OSError(f"Incomplete checkpoint: {folder} has no weights (*.safetensors).")
    for index in indices:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        missing = sorted(shard for shard in shards if not (folder / shard).is_file())
        if missing:
            raise OSError(f"Incomplete checkpoint: {folder} has no {', '.join(missing)}, which {index.name} names.")
    for file in weights:
        try:
            with safe_open(file, framework="pt"):
                pass
        except SafetensorError as error:
            raise OSError(f"Broken checkpoint: {file} is cut off or no safetensors file ({error}).") from error
