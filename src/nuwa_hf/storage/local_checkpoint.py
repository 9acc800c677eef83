# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Checks that a local folder is a complete checkpoint, before a pipeline loads anything from it."""

import json
import os
from collections.abc import Collection
from pathlib import Path, PureWindowsPath
from typing import Any

from nuwa_hf.storage.replaced_weights import variants_of
from nuwa_hf.storage.weights_files import check_not_a_pointer, check_weights_file


INDEX_FILE = "model_index.json"
# How `save_pretrained` writes an optional component that the pipeline does not have.
EMPTY = [None, None]
# Files of JSON that transformers and diffusers read without a look at what stands there.
SETTINGS_FILES = (
    *("config.json", "generation_config.json", "processor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
)
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
    is_of_windows = "\\" in text or PureWindowsPath(text).drive != ""
    return looks_local or is_of_windows or os.path.exists(text)


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
    index = read_json(folder / INDEX_FILE)
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
        check_not_a_pointer(folder / file)
    if tokenizer_files is None:
        check_weights(folder)


def check_weights(folder: Path) -> None:
    """Check that a model's folder holds all of its weights, and nothing else in their place.

    Args:
        folder (`Path`): where `save_pretrained` wrote a model or an adapter.

    Raises:
        OSError: If a file is missing, cut off, a pointer of Git LFS, or of a model in a wrapper.
    """
    weights = sorted(folder.glob("*.safetensors"))
    indices = sorted(folder.glob("*.safetensors.index*.json"))
    if not weights and not indices and not any(folder.glob("*.bin")):
        raise OSError(f"Incomplete checkpoint: {folder} has no weights (*.safetensors).")
    for index in indices:
        shards = shards_of(index)
        missing = sorted(shard for shard in shards if not (folder / shard).is_file())
        if missing:
            raise OSError(f"Incomplete checkpoint: {folder} has no {', '.join(missing)}, which {index.name} names.")
    check_local_weights(folder)


def check_variant(folder: Path, variant: str | None) -> None:
    """Check that a component's folder holds weights of the variant that is about to be loaded.

    Args:
        folder (`Path`): the component's; one that is not there or has no weights has no variants.
        variant (`str`, *optional*): such as `"fp16"`; None for the weights without a variant.

    Raises:
        OSError: If it holds weights of others alone.
    """
    found = variants_of([path.name for path in folder.glob("*") if path.is_file()])
    if found and None not in found and variant not in found:
        one = sorted(found)[0]
        raise OSError(
            f"`variant` must be {' or '.join(map(repr, sorted(found)))}, the weights that {folder} holds, got "
            f"{variant!r}; load with variant={one!r}."
        )


def check_local_weights(
    name_or_path: str | os.PathLike, subfolder: str | None = None, *, has_key_mapping: bool = False
) -> None:
    """Check the files of weights in a local folder that a model is about to load, whichever they are.

    Args:
        name_or_path (`str` or `os.PathLike`): what `from_pretrained` was given; a repository is not checked.
        subfolder (`str`, *optional*): the folder in it.
        has_key_mapping (`bool`, defaults to `False`): whether the names of weights are replaced when they are loaded.

    Raises:
        OSError: If a file is cut off, a pointer of Git LFS, or of a model in a wrapper; if a file of JSON is broken,
            or an index names files of another folder.
    """
    if not is_local_path(name_or_path):
        return
    folder = Path(name_or_path, subfolder or "")
    check_json_files(folder)
    for index in folder.glob("*.index*.json"):
        shards_of(index)
    for file in folder.glob("*.safetensors"):
        check_weights_file(file, has_key_mapping=has_key_mapping)
    for file in folder.glob("*.bin"):
        check_not_a_pointer(file)


def check_local_model(
    name_or_path: str | os.PathLike,
    subfolder: str | None = None,
    *,
    has_config: bool = False,
    has_key_mapping: bool = False,
) -> None:
    """Check the files of a local folder that a model is about to be loaded from.

    Args:
        name_or_path (`str` or `os.PathLike`): what `from_pretrained` was given; a repository is not checked.
        subfolder (`str`, *optional*): the folder in it.
        has_config (`bool`, defaults to `False`): whether the configuration was given otherwise.
        has_key_mapping (`bool`, defaults to `False`): whether the names of weights are replaced when they are loaded.

    Raises:
        OSError: As `check_local_weights` does, and if there is no configuration: transformers would take the default.
    """
    folder = Path(name_or_path, subfolder or "")
    if is_local_path(name_or_path) and folder.is_dir() and not has_config and not (folder / "config.json").is_file():
        raise OSError(
            f"Incomplete checkpoint: {folder} has no config.json; give a folder that a model was saved to, or the "
            "`subfolder` where it lies."
        )
    check_local_weights(name_or_path, subfolder, has_key_mapping=has_key_mapping)


def check_json_files(folder: Path) -> None:
    """Check the files of settings in a folder that something is about to be loaded from.

    Args:
        folder (`Path`): of a model, a tokenizer or a processor.

    Raises:
        OSError: If one of them is broken.
    """
    for name in SETTINGS_FILES:
        if (folder / name).exists() or (folder / name).is_symlink():
            read_json(folder / name)


def shards_of(index: Path) -> set[str]:
    """The files that an index of shards names.

    Args:
        index (`Path`): such as `model.safetensors.index.json`.

    Returns:
        `set[str]`: their names.

    Raises:
        OSError: If it is broken, or names something else than files beside it.
    """
    weights = read_json(index).get("weight_map")
    if not isinstance(weights, dict):
        raise OSError(f"Broken checkpoint: {index} has no `weight_map` of names to files; get it again.")
    for file in weights.values():
        if not isinstance(file, str) or file in ("", ".", "..") or any(mark in file for mark in "/\\:\0"):
            raise OSError(
                f"Broken checkpoint: {index} must name files beside it, got {str(file)[:200]!r}; get it again from a "
                "source that you trust."
            )
    return set(weights.values())


def repeated_name(pairs: list[tuple[str, Any]]) -> str | None:
    """The first name that stands in a JSON object more than once; Python would keep its last value alone.

    Args:
        pairs (`list[tuple[str, Any]]`): names and values, as the `object_pairs_hook` of `json.loads` is given them.

    Returns:
        `str`, or None if there is none.
    """
    names = [name for name, _ in pairs]
    return None if len(set(names)) == len(names) else next(name for name in names if names.count(name) > 1)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    name = repeated_name(pairs)
    if name is not None:
        raise ValueError(f"{name!r} stands there twice")
    return dict(pairs)


def read_json(path: Path) -> dict:
    """Read a file of a checkpoint.

    Args:
        path (`Path`): a JSON file.

    Returns:
        `dict`: what it holds.

    Raises:
        OSError: If it is no file, not valid JSON, no object with names, or has a name twice.
    """
    if not path.is_file():
        raise OSError(f"Broken checkpoint: {path} must be a file, got a folder, a device or a link to nowhere.")
    check_not_a_pointer(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise OSError(f"Broken checkpoint: {path} is not valid JSON ({error}); copy it again.") from error
    if not isinstance(found, dict):
        raise OSError(
            f"Broken checkpoint: {path} must hold names with values, got {type(found).__name__}; copy it again."
        )
    return found
