# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What to call the images and clips of a data set in messages: their paths from its folder on."""

from pathlib import Path
from typing import Any

import datasets

from nuwa_hf.media.sources import stored_name

from .file_columns import is_url
from .open_dataset import LOCAL_BUILDER


def folder_of(dataset: datasets.Dataset | datasets.IterableDataset) -> str | None:
    """The folder that the files of a data set lie in.

    Args:
        dataset (`datasets.Dataset` or `datasets.IterableDataset`): one split.

    Returns:
        `str`: a path or a URL; None where `open_dataset` did not read the files itself.
    """
    return dataset.info.dataset_name if dataset.info.builder_name == LOCAL_BUILDER else None


def clip_name(number: int, source: Any, folder: str | None) -> str:
    """What to call the image or clip of a row.

    Args:
        number (`int`): of the row.
        source: what the row has in the column of images or clips.
        folder (`str`, *optional*): as `folder_of` gives it.

    Returns:
        `str`: its path from the folder on, or the whole one if it lies elsewhere; without a folder the file's name,
        and the row's number where it has none.
    """
    if folder is None or not isinstance(source, str):
        return stored_name(source) or f"row {number}"
    if is_url(source):
        return source.removeprefix(f"{folder}/")
    path = Path(source)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else source
