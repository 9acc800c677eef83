# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whole evaluations as data: sizes, numbers of samples, columns and published rows, in a YAML file each."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml

from nuwa_hf.evaluation.protocols.run import Run, read_run


KEYS = ("title", "data", "dataset", "runs")


@dataclass(frozen=True)
class Protocol:
    """An evaluation as a paper did it.

    Args:
        name (`str`): such as `"bair-v2v"`.
        title (`str`): such as `"Video prediction, BAIR robot pushing, 64 x 64"`.
        data (`str`): what the data folder must hold.
        runs (`tuple[Run, ...]`): what is done, at least one.
        dataset (`str`, *optional*): the data set, where it is one that comes with the package.
    """

    name: str
    title: str
    data: str
    runs: tuple[Run, ...]
    dataset: str | None = None


def protocol_names() -> list[str]:
    """The names of the protocols that come with the package."""
    return sorted(place.name.removesuffix(".yaml") for place in _folder().iterdir() if place.name.endswith(".yaml"))


def load_protocol(name: str | Path) -> Protocol:
    """Read a protocol.

    Args:
        name (`str` or `Path`): one of `protocol_names()`, or a YAML file of yours.

    Returns:
        `Protocol`.

    Raises:
        ValueError: If there is no such protocol, or the file cannot be read or breaks a rule.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if str(name) not in protocol_names():
            raise ValueError(
                f"`protocol` must be one of {', '.join(protocol_names())}, or a file that ends in .yaml, got "
                f"{str(name)!r}; choose one of these."
            )
        path = _folder() / f"{name}.yaml"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"`protocol` must be a YAML file, got {str(name)!r}: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"`protocol` must be a YAML file, got {str(name)!r}, which is not: {error}") from error
    if not isinstance(found, Mapping) or not set(found) <= set(KEYS) or not {"title", "runs"} <= set(found):
        keys = list(found) if isinstance(found, Mapping) else type(found).__name__
        raise ValueError(
            f"{path.name}: a protocol must have title and runs, and may have data and dataset, got {keys}."
        )
    runs = tuple(read_run(entry, f"{path.name}, run {place}") for place, entry in enumerate(found["runs"] or (), 1))
    names = [run.name for run in runs]
    if not runs or len(set(names)) < len(names):
        raise ValueError(f"{path.name}: `runs` must be at least one, each with a name of its own, got {names}.")
    return Protocol(path.stem, found["title"], found.get("data", ""), runs, found.get("dataset"))


def _folder():
    return files("nuwa_hf.evaluation") / "protocols"
