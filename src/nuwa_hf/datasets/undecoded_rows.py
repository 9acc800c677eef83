# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Rows of `datasets` whose files are given as they are stored."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import datasets
import pyarrow


STORED_FILE = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}


def without_decoding(dataset):
    """The same data set, with images, clips, sounds and all other files in its rows given as
    `{"bytes": ..., "path": ...}`. Nothing is copied.

    Args:
        dataset (`datasets.Dataset` or `datasets.IterableDataset`): the data set.

    Returns:
        The same kind of data set.
    """
    stored = datasets.Features(_undecoded(dict(dataset.features or {})))
    if stored == (dataset.features or {}):
        return dataset
    if isinstance(dataset, datasets.IterableDataset):
        return dataset.decode(False).cast(stored)  # of the Hub, a stream may decode in threads, which `cast` leaves
    found = deepcopy(dataset)
    found.info.features = stored
    return found


def _undecoded(feature: Any) -> Any:
    if isinstance(feature, dict):
        return {name: _undecoded(inner) for name, inner in feature.items()}
    if isinstance(feature, datasets.List | datasets.LargeList):
        return replace(feature, feature=_undecoded(feature.feature))
    if isinstance(feature, datasets.Image | datasets.Video):
        return replace(feature, decode=False)
    if hasattr(feature, "decode") and pyarrow.types.is_struct(feature.pa_type):
        return dict(STORED_FILE)  # the package that a sound needs is asked for even if it is not decoded
    return feature
