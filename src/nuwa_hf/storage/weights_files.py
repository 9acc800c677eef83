# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whether files hold the weights of a model, or a pointer to them, or those of a wrapper around the model."""

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from safetensors import SafetensorError, safe_open


LFS_START = b"version https://git-lfs.github.com/spec/"
# What a wrapper puts before the names of all weights, and which wrapper.
WRAPPERS = {"module.": "DistributedDataParallel", "_orig_mod.": "torch.compile"}


def check_not_a_pointer(path: Path) -> None:
    """Check that a file is not one that Git LFS would have replaced by the real one.

    Args:
        path (`Path`): a file.

    Raises:
        OSError: If it is a pointer.
    """
    with path.open("rb") as file:
        is_pointer = file.read(len(LFS_START)) == LFS_START
    if is_pointer:
        raise OSError(
            f"Incomplete checkpoint: {path} is a pointer of Git LFS, not the file itself; run `git lfs install` and "
            "`git lfs pull` in the repository, or download it with `hf download`."
        )


def wrapper_prefix(names: Iterable[str]) -> str:
    """What wrappers have put before the names of all weights.

    Args:
        names (`Iterable[str]`): the names of weights.

    Returns:
        `str`: such as `"module."` or `"module._orig_mod."`; empty for the weights of a model.
    """
    names, prefix = list(names), ""
    while found := next((w for w in WRAPPERS if names and all(n.startswith(prefix + w) for n in names)), None):
        prefix += found
    return prefix


def check_weights_file(path: Path, *, has_key_mapping: bool = False) -> None:
    """Check that a file of weights can be read, and holds those of a model.

    Args:
        path (`Path`): a `.safetensors` file.
        has_key_mapping (`bool`, defaults to `False`): whether its names are replaced when it is loaded.

    Raises:
        OSError: If it is a pointer of Git LFS, cut off, empty, or has the names of a wrapper that are not replaced.
    """
    check_not_a_pointer(path)
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
    except SafetensorError as error:
        raise OSError(
            f"Broken checkpoint: {path} is cut off or no safetensors file ({error}); copy it again."
        ) from error
    if not names:
        raise OSError(f"Broken checkpoint: {path} holds no weights at all; copy it again.")
    if not has_key_mapping and (prefix := wrapper_prefix(names)):
        wrappers = " and ".join(wrapper for start, wrapper in WRAPPERS.items() if start in prefix)
        raise OSError(
            f"Checkpoint of a wrapper: all names in {path} begin with {prefix!r}, which {wrappers} put there; save "
            "the model itself by `accelerator.unwrap_model(model, keep_torch_compile=False).save_pretrained(...)`, "
            f"load a transformer with key_mapping={{{'^' + re.escape(prefix)!r}: ''}} (and save it with "
            "save_original_format=False), or load the file with `safetensors.torch.load_file` and save it with "
            f"{prefix!r} removed from the names."
        )


def check_some_are_loaded(name_or_path: str | os.PathLike, names: Collection[str], missing: Collection[str]) -> None:
    """Check that a model has got weights: where all names differ, libraries warn and leave all weights random.

    Args:
        name_or_path (`str` or `os.PathLike`): what it was loaded from.
        names (`Collection[str]`): the names of the model's weights.
        missing (`Collection[str]`): those that were not there.

    Raises:
        OSError: If it has got none.
    """
    if set(names) <= set(missing):
        raise OSError(
            f"Checkpoint of another model: {os.fspath(name_or_path)} holds none of the {len(names)} weights of "
            f"the model, such as {min(names)!r}; if its names begin with what a wrapper puts there, such as "
            "'module.', save the model itself by `accelerator.unwrap_model(model, keep_torch_compile=False)"
            ".save_pretrained(...)`."
        )
