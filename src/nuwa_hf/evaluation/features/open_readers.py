# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Readers of features, opened from what the user names."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from nuwa_hf.conversion.safe_checkpoint import find_weights
from nuwa_hf.evaluation.features.blur import BlurredReader
from nuwa_hf.evaluation.features.feature_kinds import KINDS, FeatureKind, check_kind, check_path, what_to_give
from nuwa_hf.evaluation.features.feature_reader import FeatureReader
from nuwa_hf.storage.local_checkpoint import is_local_path


def open_readers(
    names: Iterable[str],
    paths: Mapping[str, str | None],
    device: torch.device | str = "cpu",
    kinds: Mapping[str, FeatureKind] = KINDS,
) -> dict[str, FeatureReader]:
    """The readers that metrics need; each network is loaded once.

    Args:
        names (`Iterable[str]`): kinds, each perhaps with a blur: `"inception@2"` blurs frames with radius 2 first.
        paths (`Mapping[str, str | None]`): what the user gave (`parse_features`).
        device (`torch.device` or `str`, defaults to `"cpu"`): where networks compute.
        kinds (`Mapping[str, FeatureKind]`, defaults to `KINDS`): the kinds by name.

    Returns:
        `dict[str, FeatureReader]`: by the names that were asked for.

    Raises:
        ValueError: If a kind's file is not given, is not there or does not fit, or a library is missing.
    """
    readers: dict[str, FeatureReader] = {}
    opened: dict[str, FeatureReader] = {}
    for name in dict.fromkeys(names):
        kind, at, radius = name.partition("@")
        if kind not in opened:
            opened[kind] = open_reader(kind, paths.get(kind), device, kinds)
        readers[name] = BlurredReader(opened[kind], _radius(name, radius)) if at else opened[kind]
    return readers


def open_reader(
    kind: str,
    path: str | None = None,
    device: torch.device | str = "cpu",
    kinds: Mapping[str, FeatureKind] = KINDS,
) -> FeatureReader:
    """A reader of one kind. Nothing is downloaded but a repository on the Hub that the user named.

    Args:
        kind (`str`): its name in the table.
        path (`str`, *optional*): its file (or a folder with that file alone), its folder or its id on the Hub.
        device (`torch.device` or `str`, defaults to `"cpu"`): where the network computes.
        kinds (`Mapping[str, FeatureKind]`, defaults to `KINDS`): the kinds by name.

    Returns:
        `FeatureReader`.

    Raises:
        ValueError: If the file is not given, is not there or does not fit, or a library is missing.

    Example:
        >>> open_reader("pixels").kind
        'pixels'
    """
    check_kind(kind, kinds)
    check_path(kind, path, kinds)
    if path is not None:
        path = _found(kind, os.path.expanduser(path), kinds)
    with torch.random.fork_rng(devices=[]):  # networks are made of random weights, which those of the file replace
        return kinds[kind].read(path, device)


def _found(kind: str, path: str, kinds: Mapping[str, FeatureKind]) -> str:
    """The file, or the one file of weights in a folder; or the folder, or the id on the Hub."""
    is_file = kinds[kind].path.endswith("file")
    if is_file and Path(path).exists():
        files = find_weights(Path(path))
        if len(files) == 1:
            return str(files[0])
    elif not is_file and (Path(path).is_dir() or not is_local_path(path)):
        return path
    what = "one file" if is_file else "a folder or an id on the Hub"
    raise ValueError(f"`features` must name {what} for {kind!r}, got {path!r}; {what_to_give(kind, kinds)}.")


def _radius(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"The blur's radius must be a whole number of pixels, got {name!r}; write for example @2.")
    return int(text)
