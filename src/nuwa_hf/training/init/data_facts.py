# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What must be known of a data set to choose settings for it."""

from dataclasses import dataclass
from statistics import median

import numpy as np

from nuwa_hf.datasets.clip_names import clip_name, folder_of
from nuwa_hf.datasets.find_columns import find_columns, holds_texts, usable_caption_source
from nuwa_hf.datasets.media_census import ClipFacts, MediaCensus
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.repeated_media import repeated_media
from nuwa_hf.datasets.spread_rows import spread_rows
from nuwa_hf.datasets.undecoded_rows import without_decoding


MOST_LOOKED_AT = 64  # rows, from all parts
MOST_PROMPTS = 3


@dataclass(frozen=True)
class DataFacts:
    """A data set, looked at.

    Args:
        num_rows (`int`): its rows.
        clips (`tuple[ClipFacts, ...]`): some of its images and clips.
        num_broken (`int`): how many of those that were looked at cannot be read.
        caption_source (`str`): `"auto"` for a column of captions, `"folder"` for the names of sub-folders, `"none"`.
        captioned_share (`float`): of the rows that were looked at, those with a caption.
        prompts (`tuple[str, ...]`): a few different captions.
        media_column (`str`, *optional*): the column of images or clips, if the user named it.
        caption_column (`str`, *optional*): that of captions, likewise.
        num_repeats (`int`, defaults to 0): rows of files that an earlier row names too.
    """

    num_rows: int
    clips: tuple[ClipFacts, ...]
    num_broken: int
    caption_source: str
    captioned_share: float
    prompts: tuple[str, ...]
    media_column: str | None = None
    caption_column: str | None = None
    num_repeats: int = 0

    @property
    def num_clips(self) -> int:
        """How many clips or images there are."""
        return self.num_rows - self.num_repeats

    @property
    def num_looked_at(self) -> int:
        """How many rows were looked at."""
        return len(self.clips) + self.num_broken

    @property
    def is_still(self) -> bool:
        """Whether most are still images."""
        return 2 * sum(clip.is_still for clip in self.clips) > len(self.clips)

    @property
    def shorter_side(self) -> int:
        """Pixels of the shorter side, the median."""
        return round(median(min(clip.height, clip.width) for clip in self.clips))

    def seconds(self, share: float) -> float:
        """How long clips are: all but this share of the shortest last at least so long.

        Args:
            share (`float`): in [0, 1).

        Returns:
            `float`: seconds.
        """
        lengths = sorted(float(clip.seconds) for clip in self.clips if not clip.is_still)
        return lengths[int(share * len(lengths))]

    @property
    def native_rate(self) -> float:
        """Frames a second of the clips, the median."""
        return median(clip.frame_rate or 1.0 for clip in self.clips if not clip.is_still)


def look_at(
    dataset: str, split: str = "train", *, media_column: str | None = None, caption_column: str | None = None
) -> DataFacts:
    """Look at a data set, of which only some rows are opened.

    Args:
        dataset (`str`): a folder, a file of rows, or a Hub id.
        split (`str`, defaults to `"train"`): which part.
        media_column (`str`, *optional*): images or clips; by default found as in `find_columns`.
        caption_column (`str`, *optional*): captions; by default found likewise.

    Returns:
        `DataFacts`.

    Raises:
        ValueError: If it cannot be opened, a column is not clear, or nothing in it can be read.
    """
    rows = without_decoding(open_dataset(dataset, split=split))
    source = "auto" if caption_column else usable_caption_source(rows.features)
    columns = find_columns(rows.features, media=media_column, caption=caption_column, caption_source=source)
    looked_at, census = spread_rows(len(rows), MOST_LOOKED_AT), MediaCensus()
    captions = []
    for number in looked_at:
        row = rows[number]
        census.add(number, clip_name(number, row[columns.media], folder_of(rows)), row[columns.media])
        captions.append(columns.caption_of(row))
    if not census.clips:
        name, reason = census.broken[0] if census.broken else ("nothing", "is there")
        raise ValueError(
            f"`dataset` must hold images or clips that can be read, got {dataset!r}: {name} {reason}; look at it with "
            "`nuwa-hf inspect`."
        )
    is_of_files = holds_texts(rows.features[columns.media])  # bytes would all have to be read
    first_rows = repeated_media(rows, columns.media) if is_of_files else None
    given = [caption for caption in captions if caption is not None]
    prompts = tuple(dict.fromkeys(given))[:MOST_PROMPTS]
    return DataFacts(
        num_rows=len(rows),
        clips=tuple(census.clips),
        num_broken=len(census.broken),
        caption_source=source,
        captioned_share=len(given) / len(captions),
        prompts=prompts,
        media_column=media_column,
        caption_column=caption_column,
        num_repeats=0 if first_rows is None else len(first_rows) - len(np.unique(first_rows)),
    )
