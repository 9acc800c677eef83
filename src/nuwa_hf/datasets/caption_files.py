# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Captions in text files beside the clips that they are about."""

from collections.abc import Iterator
from pathlib import Path

from .find_columns import CAPTION_COLUMNS
from .folder_files import CAPTION_ENDINGS
from .metadata_rows import read_text
from .row_samples import Sample


class CaptionFiles:
    """The .txt and .caption files of a folder; `cat.txt` is about each clip called `cat` in the same folder.

    Args:
        paths (`list[Path]`): the files.
    """

    def __init__(self, paths: list[Path]):
        self._of_clip: dict[Path, list[Path]] = {}
        for path in sorted(paths, key=lambda path: CAPTION_ENDINGS.index(path.suffix.lower())):
            self._of_clip.setdefault(path.with_suffix(""), []).append(path)
        self._reasons: dict[Path, str] = {}

    def fill(self, samples: list[Sample]) -> None:
        """Put captions into the rows that have none.

        They go into the rows' only column of captions, or else into a new column `text`.

        Args:
            samples (`list[Sample]`): their captions are set in place.

        Raises:
            ValueError: If a file is not in UTF-8.
        """
        columns = [name for name in CAPTION_COLUMNS if any(name in sample.values for sample in samples)] or ["text"]
        for sample in samples:
            clip, row = sample.clip, sample.values
            path = next(iter(self._of_clip.get(clip.with_suffix(""), ())), None) if isinstance(clip, Path) else None
            if path is None:
                continue
            if len(columns) > 1:
                self._reasons.setdefault(path, f"is not read, since the rows have the columns {', '.join(columns)}")
            elif row.get(columns[0]) is not None:
                self._reasons.setdefault(path, "is not read, since the row of its clip has a caption")
            else:
                row[columns[0]] = read_text(path).strip() or None
                self._reasons[path] = ""

    def unused(self) -> Iterator[tuple[Path, str]]:
        """The files that `fill` did not read.

        Yields:
            `tuple[Path, str]`: the file and the reason, the rest of a sentence.
        """
        for first, *others in self._of_clip.values():
            reason = self._reasons.get(first, "is a text beside no sample of its name")
            if reason:
                yield first, reason
            for other in others:
                yield other, f"is not read, since there is {first.name}"
