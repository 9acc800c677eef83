# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A digest of a data set that changes when its files or its captions do."""

import hashlib
import json
import os
from typing import Any

import datasets

from .file_columns import is_url
from .find_columns import Columns, holds_texts
from .open_dataset import LOCAL_BUILDER
from .undecoded_rows import without_decoding


def dataset_digest(dataset: datasets.Dataset | datasets.IterableDataset, columns: Columns) -> str | None:
    """A digest of what is read of a data set.

    Where the rows name local files it covers, row by row, the file's name, size and time of change, the caption and
    the sketch; the folder that they all lie in may be moved. Files on another drive go by whole paths. Of other data
    sets it is the fingerprint of `datasets`.

    Args:
        dataset (`datasets.Dataset` or `datasets.IterableDataset`): one split.
        columns (`Columns`): what is read of it.

    Returns:
        `str`: hexadecimal; None for a stream that is not of local files, which has no fingerprint.
    """
    of_files = holds_texts((dataset.features or {}).get(columns.media))
    is_streamed = isinstance(dataset, datasets.IterableDataset)
    if not of_files or (is_streamed and dataset.info.builder_name != LOCAL_BUILDER):
        return getattr(dataset, "_fingerprint", None)
    read = [name for name in (columns.media, columns.caption, columns.sketch) if name is not None]
    rows = without_decoding(dataset)
    sources = (row[columns.media] for row in rows.select_columns([columns.media]))
    paths = [source for source in sources if _is_local(source)]
    common = _common_folder([os.path.dirname(os.path.abspath(path)) for path in paths]) if paths else ""
    digest = hashlib.sha256()
    for row in rows.select_columns(read):  # one at a time: sketches may lie inside
        sketch = None if columns.sketch is None else row[columns.sketch]
        content = [columns.caption_of(row), _of_file(row[columns.media], common), _of_file(sketch, common)]
        digest.update(json.dumps(content).encode() + b"\n")
    return digest.hexdigest()


def _common_folder(folders: list[str]) -> str | None:
    try:
        return os.path.commonpath(folders)
    except ValueError:  # they lie on several drives of Windows
        return None


def _from_folder(path: str, common: str | None) -> str:
    """A path from the common folder on; the whole one where there is none, or for a file on another drive."""
    if common is None:
        return os.path.abspath(path)
    try:
        return os.path.relpath(path, common)
    except ValueError:
        return os.path.abspath(path)


def _is_local(value: Any) -> bool:
    return isinstance(value, str) and not is_url(value)


def _of_file(value: Any, common: str | None) -> Any:
    """What tells a file from another, or the same file from itself before it was changed."""
    if isinstance(value, list):
        return [_of_file(one, common) for one in value]
    if not _is_local(value):
        return str(value)
    try:
        found = os.stat(value)
    except OSError:
        return [_from_folder(value, common), None]
    return [_from_folder(value, common), found.st_size, found.st_mtime_ns]
