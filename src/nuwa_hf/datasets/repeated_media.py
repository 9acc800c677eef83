# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Rows that show what an earlier row shows, such as those of a clip with several captions."""

import hashlib
from collections.abc import Iterable
from typing import Any

import datasets
import numpy as np

from .open_dataset import LOCAL_BUILDER
from .undecoded_rows import without_decoding


def repeated_media(dataset: datasets.Dataset | datasets.IterableDataset, media: str) -> np.ndarray | None:
    """Which rows have the image or clip of an earlier row: the same path or URL, or the same bytes.

    Args:
        dataset (`datasets.Dataset` or `datasets.IterableDataset`): one split.
        media (`str`): the column of images or clips.

    Returns:
        `np.ndarray` of shape `(rows,)`, int32: for each row the number of the first one with the same image or clip.
        None where no row has that of another, and for a stream that is not of local files, whose rows are not known
        before they are read.
    """
    if isinstance(dataset, datasets.IterableDataset) and dataset.info.builder_name != LOCAL_BUILDER:
        return None
    rows = without_decoding(dataset).select_columns([media])
    places = np.array(first_places(media_key(row[media]) for row in rows), dtype=np.int32)
    return None if (places == np.arange(len(places))).all() else places


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
