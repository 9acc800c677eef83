# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The rows of a local folder of images and clips, or of a local file of rows that name them."""

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from .caption_files import CaptionFiles
from .file_columns import FOLDER_MEDIA_COLUMN, FileColumns, FileFinder
from .find_columns import CAPTION_COLUMNS, SUB_FOLDER_COLUMN
from .folder_files import FolderFiles
from .folder_splits import SPLIT_COLUMN, are_splits, canonical_split
from .left_out import LeftOut
from .media_endings import is_media_file
from .metadata_rows import MetadataError, MetadataRows, mentions_media, names_files, read_rows
from .row_samples import RowSamples, Sample


@dataclass(frozen=True)
class LocalRows:
    """The rows of a local data set, all of its splits.

    Args:
        folder (`str`): what they lie in, a whole path or a URL.
        rows (`list[dict[str, Any]]`): maps columns to values; files are whole paths. All have the same columns.
        splits (`list[str | None]`): the split of each row; None for all of them where there are no splits.
        files (`list[str]`): what to call the clip of each row.
        left_out (`list[LeftOut]`): the files that are no samples.
        features (`dict[str, Any]`): columns whose feature is known.
    """

    folder: str
    rows: list[dict[str, Any]]
    splits: list[str | None]
    files: list[str]
    left_out: list[LeftOut]
    features: dict[str, Any]


def read_folder(files: FolderFiles) -> LocalRows:
    """The rows of a folder: first those of files of rows, then the clips that no such file is about.

    Args:
        files (`FolderFiles`): all that lies in it.

    Returns:
        `LocalRows`.

    Raises:
        ValueError: If a file of rows or of a caption cannot be read.
    """
    folder = _Folder(files)
    folder.add_rows_files()
    folder.add_clips_without_rows()
    folder.add_captions()
    return folder.rows()


def read_row_file(path: Path, files: FolderFiles | None = None) -> LocalRows:
    """The rows of a file.

    Args:
        path (`Path`): a .jsonl, .json, .csv or .parquet file, a whole path.
        files (`FolderFiles`, *optional*): what lies beside it, where that is not on this disk.

    Returns:
        `LocalRows`.

    Raises:
        ValueError: If it cannot be read.
    """
    folder = _Folder(files or FolderFiles(path.parent))
    folder.add_rows(read_rows(path))
    folder.add_captions()
    return folder.rows()


def is_metadata(path: Path) -> bool:
    """Whether a file of rows is its folder's metadata.

    Args:
        path (`Path`): the file.

    Returns:
        `bool`.
    """
    return path.stem.lower() == "metadata"


class _Folder:
    """The samples of a folder, gathered step by step."""

    def __init__(self, files: FolderFiles):
        self.files = files
        self.finder = FileFinder(files.root, list(files))
        self.samples: list[Sample] = []
        self.rows_of_clips: dict[str, list[Sample]] = {}  # with those of clips that are not there
        self.left_out: list[LeftOut] = []
        self.features: dict[str, Any] = {}
        self.media_columns: set[str | None] = set()
        self.named: set[Path] = set()  # files that rows name
        self.rows_files: dict[Path, Path] = {}  # of each folder about whose clips there are rows

    def leave_out(self, path: Path, reason: str) -> None:
        self.left_out.append(LeftOut(self.finder.shown(path), reason))

    def add_rows_files(self) -> None:
        """Of each folder, the files of rows that are called metadata; or else each that names files."""
        metadata = {path.parent: path for path in self.files.rows if is_metadata(path)}
        # Those of splits come first: they keep a row that stands in another file too, such as all.csv.
        for path in sorted(self.files.rows, key=lambda path: canonical_split(path.stem) is None):
            if not is_metadata(path) and path.parent in metadata:
                self.leave_out(path, f"is not read, since there is {metadata[path.parent].name}")
                continue
            if path.suffix.lower() == ".parquet" and not is_metadata(path) and not names_files(path):
                self.leave_out(path, "has no rows that name files")
                continue
            try:
                table = read_rows(path)
            except MetadataError:
                is_json = path.suffix.lower() == ".json"  # other .json files may hold anything
                if is_metadata(path) or (not is_json and mentions_media(path)):
                    raise
                self.leave_out(path, "is no file of rows" if is_json else "is broken and names no image and no clip")
                continue
            if is_metadata(path) or FileColumns.of(table).names:
                self.add_rows(table)
            else:
                self.leave_out(path, "has no rows that name files")
        places = {path: place for place, path in enumerate(self.files.rows)}
        self.samples.sort(key=lambda sample: places[sample.rows_file])

    def add_rows(self, table: MetadataRows) -> None:
        found = RowSamples.of(table, self.finder, self.rows_of_clips)
        self.media_columns.add(found.media_column)
        self.samples += found.samples
        self.left_out += found.left_out
        self.named |= found.files
        for name in table.columns:
            told = table.features.get(name)
            self.features[name] = told if self.features.get(name, told) == told else None
        for folder in (table.path.parent, *sorted({path.parent for path in found.files})):
            if folder.is_relative_to(self.files.root):
                self.rows_files.setdefault(folder, table.path)

    def add_clips_without_rows(self) -> None:
        for path in sorted([*self.files.media, *self.files.others]):
            if path in self.named:
                continue
            if not is_media_file(path):
                self.leave_out(path, "is no image and no clip")
                continue
            about = next((self.rows_files[folder] for folder in path.parents if folder in self.rows_files), None)
            if about is None:
                self.samples.append(Sample(path, {}))
            else:
                self.leave_out(path, f"has no row in {self.finder.shown(about)}")

    def add_captions(self) -> None:
        for sample in self.samples:
            for name in CAPTION_COLUMNS:
                if isinstance(sample.values.get(name), str) and not sample.values[name].strip():
                    sample.values[name] = None
        captions = CaptionFiles(self.files.captions)
        captions.fill(self.samples)
        for path, reason in captions.unused():
            if path not in self.named:
                self.leave_out(path, reason)

    def rows(self) -> LocalRows:
        """All rows, with the same columns."""
        folders = [_sub_folders(sample, self.files.root) for sample in self.samples]
        # Folders that hold all clips, such as "data" of data/train and data/test.
        shared = len(list(takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))))
        by_folder = [names[shared] if len(names) > shared else None for names in folders]
        if are_splits(by_folder):
            folders = [names[shared + 1 :] for names in folders]
        by_column = [sample.values.get(SPLIT_COLUMN) for sample in self.samples]
        by_file = [sample.rows_file and sample.rows_file.stem for sample in self.samples]
        splits = next((names for names in (by_column, by_folder, by_file) if are_splits(names)), None)

        media = next(iter(self.media_columns)) if len(self.media_columns) == 1 else FOLDER_MEDIA_COLUMN
        for sample, names in zip(self.samples, folders, strict=True):
            if sample.clip is not None:
                sample.values = {(media or FOLDER_MEDIA_COLUMN): str(sample.clip)} | sample.values
            if names:
                sample.values.setdefault(SUB_FOLDER_COLUMN, names[-1].replace("_", " "))
        columns = dict.fromkeys(name for sample in self.samples for name in sample.values)
        rows = [dict.fromkeys(columns) | sample.values for sample in self.samples]
        features = {name: one for name, one in self.features.items() if one is not None and name in columns}
        clips = [sample.clip or sample.rows_file for sample in self.samples]
        files = [clip if isinstance(clip, str) else self.finder.shown(clip) for clip in clips]
        folder, left_out = str(self.files.root), self.left_out + self.files.left_out
        return LocalRows(folder, rows, splits or [None] * len(rows), files, left_out, features)


def _sub_folders(sample: Sample, root: Path) -> tuple[str, ...]:
    """The folders from the root to the clip of a sample."""
    clip = sample.clip
    return clip.relative_to(root).parts[:-1] if isinstance(clip, Path) and clip.is_relative_to(root) else ()
