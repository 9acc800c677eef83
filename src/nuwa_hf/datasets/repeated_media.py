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
    places = first_places(media_key(row[media]) for row in rows)
    return {number: first for number, first in enumerate(places) if first < number}


def media_key(value: Any) -> str | bytes | None:
    """What is equal for the same image or clip.

    Args:
        value: of the column of images or clips, not decoded.

    Returns:
        `str` or `bytes`: its path or URL, or a digest of its bytes; None for what is none of these.
    """
    if isinstance(value, dict):
        value = value.get("path") if value.get("bytes") is None else value["bytes"]
    if isinstance(value, bytes):
        return hashlib.sha256(value).digest()
    return value if isinstance(value, str) else None


def first_places(keys: Iterable[str | bytes | None]) -> tuple[int, ...]:
    """For each row the place of the first one with the same image or clip.

    Args:
        keys (`Iterable[str | bytes | None]`): of each row, as `media_key` gives it; None for one of its own.

    Returns:
        `tuple[int, ...]`: as many places.

    Example:
        >>> first_places(["a.mp4", "a.mp4", None, "a.mp4"])
        (0, 0, 2, 0)
    """
    first: dict[str | bytes, int] = {}
    return tuple(place if key is None else first.setdefault(key, place) for place, key in enumerate(keys))
