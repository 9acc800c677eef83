# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Rows that show what an earlier row shows, such as those of a clip with several captions."""

import hashlib
from collections.abc import Iterable
from typing import Any

import datasets

from .open_dataset import LOCAL_BUILDER, without_decoding


def repeated_media(dataset: datasets.Dataset | datasets.IterableDataset, media: str) -> dict[int, int]:
    """The rows whose image or clip an earlier row has too: the same path or URL, or the same bytes.

    Args:
        dataset (`datasets.Dataset` or `datasets.IterableDataset`): one split.
        media (`str`): the column of images or clips.

    Returns:
        `dict[int, int]`: the number of each such row, to that of the first row with the same image or clip; empty for
        a stream that is not of local files, whose rows are not known before they are read.
    """
    if isinstance(dataset, datasets.IterableDataset) and dataset.info.builder_name != LOCAL_BUILDER:
        return {}
    rows = without_decoding(dataset.select_columns([media]))
    return _repeated(_key(row[media]) for row in rows)


def _repeated(keys: Iterable[str | bytes | None]) -> dict[int, int]:
    first: dict[str | bytes, int] = {}
    numbers = ((number, first.setdefault(key, number)) for number, key in enumerate(keys) if key is not None)
    return {number: earlier for number, earlier in numbers if earlier < number}


def _key(value: Any) -> str | bytes | None:
    """What is equal for the same image or clip; None for what is none."""
    if isinstance(value, dict):
        value = value.get("path") if value.get("bytes") is None else value["bytes"]
    if isinstance(value, bytes):
        return hashlib.sha256(value).digest()
    return value if isinstance(value, str) else None
