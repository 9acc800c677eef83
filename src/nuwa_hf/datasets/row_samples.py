# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The rows of a file as samples: which clip each is about, and where its files are."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .file_columns import FileColumns, FileFinder, is_url
from .left_out import LeftOut
from .metadata_rows import MetadataError, MetadataRows


@dataclass
class Sample:
    """A row of a data set.

    Args:
        clip (`Path` or `str`, *optional*): its image or clip, a whole path or a URL; None if it is not clear which
            column that is.
        values (`dict[str, Any]`): its other columns.
        rows_file (`Path`, *optional*): the file of rows that it comes from.
    """

    clip: Path | str | None
    values: dict[str, Any]
    rows_file: Path | None = None


@dataclass(frozen=True)
class RowSamples:
    """The samples of a file of rows.

    Args:
        media_column (`str`, *optional*): what the column of the clips is called; None if it is not clear which it is.
        samples (`list[Sample]`): one for each row whose clip exists.
        left_out (`list[LeftOut]`): the other rows.
        files (`set[Path]`): all files that rows name.
    """

    media_column: str | None
    samples: list[Sample] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)

    @classmethod
    def of(cls, table: MetadataRows, finder: FileFinder, earlier: dict[str, list[Sample]]) -> "RowSamples":
        """The samples of the rows, whose paths count from the folder of their file.

        Args:
            table (`MetadataRows`): the rows.
            finder (`FileFinder`): finds the files that they name.
            earlier (`dict[str, list[Sample]]`): each clip's rows in the files before; those of this one are added.

        Returns:
            `RowSamples`.

        Raises:
            ValueError: If there are no rows, or no column names files.
        """
        columns = FileColumns.of(table)
        if not table.rows:
            raise MetadataError(f"`dataset` must have rows, got none in {str(table.path)!r}; write one for each clip.")
        if not columns.names:
            is_split = any(mark in name for name in table.columns for mark in ";\t")
            raise MetadataError(
                f"`dataset` must have a column `file_name` that names images or clips, got {table.columns} in "
                f"{str(table.path)!r}; {'separate its columns by commas' if is_split else 'add it'}."
            )
        found = cls(columns.media)
        where, folder = finder.shown(table.path), table.path.parent
        for number, row in enumerate(table.rows, 1):
            values = {columns.names.get(name, name): value for name, value in row.items()}
            for name in columns.names.values():
                is_sure = name in (columns.media, "sketch") or name not in row
                values[name] = found._whole(values.get(name), finder, folder, is_sure)
            clip = None if columns.media is None else values.pop(columns.media, None)
            place = f"{where}, row {number}"
            if columns.media is not None and not isinstance(clip, str):
                found.left_out.append(LeftOut(place, "names no file"))
                continue
            sample = Sample(clip if clip is None or is_url(clip) else Path(clip), values, table.path)
            if clip is not None:
                rows = earlier.setdefault(clip, [])
                same = next((one for one in rows if _are_same(one, sample)), None)
                if same is not None:
                    is_here = same.rows_file == table.path
                    which = "an earlier row" if is_here else f"a row of {finder.shown(same.rows_file)}"
                    found.left_out.append(LeftOut(place, f"is the same as {which}"))
                    continue
                rows.append(sample)
            if not isinstance(sample.clip, Path) or sample.clip in found.files:
                found.samples.append(sample)
            else:
                found.left_out.append(LeftOut(finder.shown(Path(clip)), f"has a row in {where}, but is not there"))
        return found

    def _whole(self, value: Any, finder: FileFinder, folder: Path, is_sure: bool) -> Any:
        """A value with whole paths; unless it surely names files, one that names none stays as it is."""
        if isinstance(value, list):
            return [self._whole(one, finder, folder, is_sure) for one in value]
        if not isinstance(value, str) or not value.strip() or is_url(value):
            return value or None
        path = finder.find(value, folder)
        if path is None:
            return os.path.normpath(folder / value) if is_sure else value
        self.files.add(path)
        return str(path)


def _are_same(one: Sample, other: Sample) -> bool:
    """Whether two rows of one clip say the same; the numbers of a .csv file are texts."""
    if one.rows_file == other.rows_file:
        return one.values == other.values
    return _texts(one) == _texts(other)


def _texts(sample: Sample) -> dict[str, str]:
    return {name: str(value) for name, value in sample.values.items() if value is not None}
