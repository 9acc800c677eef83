# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Reads a state dict from an untrusted file without running any code in it."""

import logging
import os
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from nuwa_hf.conversion.inert_unpickler import TensorDescription, UnsafeCheckpointError
from nuwa_hf.conversion.torch_containers import Container, open_container, read_storages
from nuwa_hf.storage.local_checkpoint import shards_of
from nuwa_hf.storage.replaced_weights import WEIGHTS
from nuwa_hf.storage.weights_files import check_not_a_pointer, wrapper_prefix


__all__ = ["UnsafeCheckpointError", "find_weights", "read_checkpoint"]

logger = logging.getLogger(__name__)

PICKLE_ENDINGS = (".ckpt", ".pt", ".pth", ".bin")
STATE_KEYS = ("state_dict", "model")  # keys under which trainers store the weights


def read_checkpoint(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """The state dict in a checkpoint, mapped from the file, so that tensors take memory only when used.

    A `.safetensors` file is read as it is. A pickle (`.ckpt`, `.pt`, `.pth`, `.bin`; the zip archive or the format
    before PyTorch 1.6) is first read by an unpickler that runs nothing; if it asks for nothing but tensors,
    `torch.load(weights_only=True)` reads it, and if it also holds objects of known training frameworks, the tensors
    are built from their descriptions and these objects are left out.

    Args:
        path (`str` or `os.PathLike`): a file, or a folder with one checkpoint; there `.safetensors` goes first.

    Returns:
        `dict[str, torch.Tensor]`: names to tensors on the CPU. Of a trainer's checkpoint, what is under `state_dict`
        or `model`; dicts within it are flattened with dots. What DistributedDataParallel and torch.compile put before
        all names is left out.

    Raises:
        OSError: If a file is a pointer of Git LFS, or the index of several is broken or names files elsewhere.
        UnsafeCheckpointError: If the file asks for code, or is truncated, inflated or nested.
        ValueError: If it holds no state dict.
        FileNotFoundError: If it does not exist.
    """
    state = {}
    for file in find_weights(Path(path)):
        check_not_a_pointer(file)
        part = _read_safetensors(file) if file.suffix == ".safetensors" else _read_pickle(file)
        twice = sorted(state.keys() & part.keys())
        if twice:
            raise ValueError(f"`path` must hold every tensor once, but several files of {path} hold {twice}.")
        state |= part
    if prefix := wrapper_prefix(state):
        logger.info("Left out %r, which a wrapper put before all names in %s", prefix, path)
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()}


def find_weights(path: Path) -> list[Path]:
    """The files of a checkpoint.

    Args:
        path (`Path`): a file, or a folder with one checkpoint, whose variants such as fp16 are read over.

    Returns:
        `list[Path]`: the file, or the parts of a checkpoint in several.

    Raises:
        OSError: If the index of several parts is broken, or names files elsewhere.
        ValueError: If the folder holds no checkpoint or several.
        FileNotFoundError: If the path does not exist.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"`path` must be a checkpoint or a folder with one, but there is no {path}.")
    for ending in (".safetensors", *PICKLE_ENDINGS):
        indices = sorted(path.glob(f"*{ending}.index.json"))
        if len(indices) == 1:
            return [path / part for part in sorted(shards_of(indices[0]))]
        found = _without_variants(sorted(path.glob(f"*{ending}")))
        if len(found) > 1:
            names = [file.name for file in found]
            raise ValueError(f"`path` must hold one checkpoint, but {path} holds {names}; name the file.")
        if found:
            return found
    endings = ", ".join((".safetensors", *PICKLE_ENDINGS))
    raise ValueError(f"`path` must be a checkpoint or a folder with one ({endings}), got {str(path)!r}.")


def _without_variants(files: list[Path]) -> list[Path]:
    """Of several files the one that all others are variants of, such as fp16; all of them if there is none."""
    for file in files:
        if WEIGHTS.fullmatch(file.name) and all(other.name.startswith(f"{file.stem}.") for other in files):
            return [file]
    return files


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise UnsafeCheckpointError(f"{path} is truncated or no .safetensors file ({error}).") from error


def _read_pickle(path: Path) -> dict[str, torch.Tensor]:
    try:
        container = open_container(path)
        if container.unpickled.foreign:
            logger.info("Read over in %s: %s", path.name, ", ".join(sorted(container.unpickled.foreign)))
            return _build_tensors(path, container)
        value = torch.load(path, map_location="cpu", weights_only=True, mmap=container.is_zip)
    except UnsafeCheckpointError as error:
        raise UnsafeCheckpointError(f"{path} was refused. {error}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UnsafeCheckpointError(f"{path} was refused by torch.load(weights_only=True): {error}") from error
    return dict(_flat(_state_in(value, path), torch.Tensor, path))


def _build_tensors(path: Path, container: Container) -> dict[str, torch.Tensor]:
    found = dict(_flat(_state_in(container.unpickled.value, path), TensorDescription, path))
    storages = read_storages(path, container)
    return {
        name: storages[tensor.storage.key].as_strided(tensor.size, tensor.stride, tensor.offset)
        for name, tensor in found.items()
    }


def _state_in(value: object, path: Path) -> Mapping:
    if not isinstance(value, Mapping):
        raise ValueError(f"{path} must hold a state dict, got a {type(value).__name__}.")
    inside = [key for key in STATE_KEYS if isinstance(value.get(key), Mapping)]
    if len(inside) > 1:
        raise ValueError(f"{path} must hold one state dict, but has several: {inside}.")
    return value[inside[0]] if inside else value


def _flat(state: Mapping, kind: type, path: Path, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in state.items():
        if not isinstance(name, str):
            raise ValueError(f"{path} must name its tensors by text, got {name!r}.")
        if isinstance(value, kind):
            yield prefix + name, value
        elif isinstance(value, Mapping):
            yield from _flat(value, kind, path, f"{prefix}{name}.")
        else:
            raise ValueError(
                f"{path} must hold a state dict alone, or under {' or '.join(STATE_KEYS)}; {prefix + name!r} is a "
                f"{type(value).__name__}."
            )
