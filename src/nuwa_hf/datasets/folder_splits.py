# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The splits of a local data set: train, validation and test, and slices of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import datasets


_SPELLINGS = (("train", "training"), ("validation", "valid", "val", "dev"), ("test", "testing", "eval", "evaluation"))
SPLIT_COLUMN = "split"


def canonical_split(name: Any) -> str | None:
    """The usual name of a split.

    Args:
        name: such as "val".

    Returns:
        `str`: such as "validation"; None for what names no split.
    """
    return next((names[0] for names in _SPELLINGS if isinstance(name, str) and name.lower() in names), None)


def are_splits(names: Sequence[Any]) -> bool:
    """Whether the names of some rows' splits are meant as such: each is one, and there are at least two.

    Args:
        names (`Sequence`): one for each row.

    Returns:
        `bool`.
    """
    found = {canonical_split(name) for name in set(names)}
    return None not in found and len(found) > 1


def rows_of_split(names: Sequence[str | None], split: str, where: str) -> list[int]:
    """The numbers of the rows that a split names.

    Args:
        names (`Sequence[str | None]`): the split of each row; None throughout where there are no splits, and all are
            "train".
        split (`str`): one of them in any of its spellings, "all", or a slice such as "train[:90%]" as `datasets` has
            it.
        where (`str`): the data set, for messages.

    Returns:
        `list[int]`: in their order.

    Raises:
        ValueError: If there is no such split, or the slice is empty or cannot be read.
    """
    rows: dict[str, list[int]] = {"train": []}
    for number, name in enumerate(names):
        rows.setdefault(canonical_split(name) or "train", []).append(number)
    rows = {name: numbers for name, numbers in rows.items() if numbers} | {"all": list(range(len(names)))}
    spellings = {name: next((one for one in _SPELLINGS if one[0] == name), (name,)) for name in rows}
    numbers = {spelling: rows[name] for name, those in spellings.items() for spelling in those}
    parts = parts_of_split({name: len(one) for name, one in numbers.items()}, split, where, list(rows))
    return [number for name, part in parts for number in numbers[name][part.start : part.stop]]


def parts_of_split(
    lengths: Mapping[str, int], split: str, where: str, names: Sequence[str]
) -> list[tuple[str, range]]:
    """What of some splits another one names.

    Args:
        lengths (`Mapping[str, int]`): the rows of each split.
        split (`str`): one of them, or a slice such as "train[:90%]" as `datasets` has it.
        where (`str`): the data set, for messages.
        names (`Sequence[str]`): the splits to choose from, for messages.

    Returns:
        `list[tuple[str, range]]`: splits and rows of each, in their order.

    Raises:
        ValueError: If there is no such split, or the slice is empty or cannot be read.
    """
    try:
        parts = datasets.ReadInstruction.from_spec(split).to_absolute(dict(lengths))
    except (ValueError, AssertionError) as error:
        raise ValueError(
            f"`dataset_split` must be one of {list(names)} for {where}, or a slice such as 'train[:90%]', got "
            f"{split!r}: {error}; choose one of these."
        ) from error
    found = [(part.splitname, range(part.from_, part.to)) for part in parts]
    if not any(rows for _, rows in found):
        raise ValueError(f"`dataset_split` must name at least one row of {where}, got {split!r}; name a larger slice.")
    return found
