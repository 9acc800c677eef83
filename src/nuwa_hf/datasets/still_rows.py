# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whether a data set is one of still images, as far as a few of its rows tell."""

from itertools import islice

import datasets

from nuwa_hf.media.sources import is_still

from .media_endings import is_known_still
from .spread_rows import spread_rows
from .undecoded_rows import without_decoding


ROWS_LOOKED_AT = 4


def is_of_stills(dataset: datasets.Dataset | datasets.IterableDataset, media: str) -> bool:
    """Whether most of a few rows are still images: of rows from all its parts, of a stream its first ones.

    Args:
        dataset (`datasets.Dataset` or `datasets.IterableDataset`): one split.
        media (`str`): the column of images or clips.

    Returns:
        `bool`: what cannot be read counts as a clip.
    """
    rows = without_decoding(dataset).select_columns([media])
    if isinstance(dataset, datasets.Dataset):
        found = (rows[number] for number in spread_rows(len(rows), ROWS_LOOKED_AT))
    else:
        found = islice(rows, ROWS_LOOKED_AT)
    sources = [row[media] for row in found]
    stills = sum(is_known_still(source) and is_still(source) for source in sources)  # a video's name is enough
    return 2 * stills > len(sources)
