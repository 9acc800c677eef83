# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A data set at a URL, of any kind that `fsspec` opens: `s3://`, `gs://`, `hf://`, `file://` and others."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from datasets.data_files import DataFilesPatternsDict, get_data_patterns

from .folder_files import FolderFiles
from .local_folder import LocalRows, is_metadata, read_folder, read_row_file
from .metadata_rows import is_row_file
from .url_errors import reaching


# Endings of files whose rows have the clips inside, and what `datasets` calls their format.
BUILDERS = {".parquet": "parquet", ".tar": "webdataset", ".arrow": "arrow"}


@dataclass(frozen=True)
class UrlFiles:
    """The files at a URL.

    Args:
        url (`str`): of a folder, of a file, or with `*` for several.
        filesystem (`fsspec.AbstractFileSystem`): what it lies in.
        root (`str`): the folder's path there.
        names (`list[str]`): the files' paths from the root, in order; hidden ones are left out.
        is_folder (`bool`): whether the URL names a folder, so that its files may have splits.
        row_file (`str`, *optional*): the one among them that the URL names, if it is a file of rows that name clips.
    """

    url: str
    filesystem: fsspec.AbstractFileSystem
    root: str
    names: list[str]
    is_folder: bool
    row_file: str | None = None

    @classmethod
    def of(cls, url: str) -> "UrlFiles":
        """List a URL.

        Args:
            url (`str`): as above.

        Returns:
            `UrlFiles`.

        Raises:
            OSError: If it cannot be reached.
            ValueError: If nothing lies there, or no installed package opens such URLs.
        """
        with reaching("dataset", url):
            filesystem, path = fsspec.url_to_fs(url)
            is_pattern = "*" in path
            paths = [one for one in filesystem.glob(path) if filesystem.isfile(one)] if is_pattern else None
            paths = filesystem.find(path) if paths is None else paths
            is_file = is_pattern or paths == [path]
            root = str(PurePosixPath(path.partition("*")[0] + "x").parent if is_file else PurePosixPath(path))
            row_file = None
            if is_file and not is_pattern and is_row_file(Path(path)) and Path(path).suffix.lower() not in BUILDERS:
                row_file, paths = PurePosixPath(path).name, filesystem.find(root)
        names = [str(PurePosixPath(one).relative_to(root)) for one in sorted(paths)]
        names = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
        if not names:
            raise ValueError(f"`dataset` must hold at least one file, got none at {url!r}; check the address.")
        return cls(url, filesystem, root, names, not is_file, row_file)

    def builder(self) -> str | None:
        """What `datasets` calls the format of the files.

        Returns:
            `str`, or None for images and clips in files of their own, and for rows that name them.
        """
        if self.row_file is not None:
            return None
        endings = {PurePosixPath(name).suffix.lower() for name in self.names}
        found = [builder for ending, builder in BUILDERS.items() if ending in endings]
        return found[0] if found and not self._sorted(Path("/")).media else None

    def data_files(self) -> dict[str, list[str]]:
        """The URLs of the files that hold the rows, by split, for `datasets`.

        The splits of a folder are those that `datasets` finds in its files' names and folders, as it does on disk;
        what is named as a file or by a pattern is "train".

        Raises:
            OSError: If it cannot be reached.
        """
        builder = self.builder()
        files = [name for name in self.names if BUILDERS.get(PurePosixPath(name).suffix.lower()) == builder]
        splits = {}
        if self.is_folder:
            folder = _literal(self.filesystem.unstrip_protocol(self.root))
            endings = {PurePosixPath(name).suffix for name in files}
            with reaching("dataset", self.url):
                patterns = get_data_patterns(folder)
                found = DataFilesPatternsDict.from_patterns(patterns, allowed_extensions=sorted(endings))
                splits = {str(split): those for split, those in found.resolve(folder).items() if those}
        return splits or {"train": [_literal(self._url(name)) for name in files]}

    def rows(self) -> LocalRows:
        """The rows of a folder of images and clips, or of a file of rows, by the same rules as of local ones.

        Only files of rows and of captions are fetched; images and clips stay where they are and get whole URLs.

        Returns:
            `LocalRows`.

        Raises:
            OSError: If a file cannot be fetched.
            ValueError: If a file of rows or of a caption cannot be read, there is no image and no clip, or clips lie
                inside of other files too.
        """
        with tempfile.TemporaryDirectory() as folder:
            files = self._sorted(Path(folder))
            rows = None if self.row_file is None or is_metadata(Path(self.row_file)) else Path(folder, self.row_file)
            if rows is not None:  # as of a local one, what lies beside it is not read
                files.rows[:], files.captions[:] = [rows], []
            small = [*files.rows, *files.captions]
            with reaching("dataset", self.url):
                remote = [f"{self.root}/{path.relative_to(folder).as_posix()}" for path in small]
                self.filesystem.get(remote, [str(path) for path in small])
            if self.row_file is None:
                files.check_one_kind(self.url)
            files.others.clear()  # clips without a usual ending are not looked into
            found = read_folder(files) if rows is None else read_row_file(rows, files)
            if not found.rows:
                raise ValueError(
                    f"`dataset` must hold at least one image or clip, got none at {self.url!r}; check it."
                )
            url = self.filesystem.unstrip_protocol(self.root)
            return replace(found, folder=url, rows=[self._whole(row, folder) for row in found.rows])

    def _sorted(self, folder: Path) -> FolderFiles:
        """The files as if they lay in a folder."""
        files = FolderFiles(folder)
        for name in self.names:
            files.add(folder / name)
        return files

    def _url(self, name: str) -> str:
        return self.filesystem.unstrip_protocol(f"{self.root}/{name}")

    def _whole(self, value: Any, folder: str) -> Any:
        """A value with the URLs of what it names in the folder."""
        if isinstance(value, dict):
            return {name: self._whole(one, folder) for name, one in value.items()}
        if isinstance(value, list):
            return [self._whole(one, folder) for one in value]
        is_inside = isinstance(value, str) and value.startswith(f"{folder}/")
        return self._url(value.removeprefix(f"{folder}/")) if is_inside else value


def _literal(url: str) -> str:
    """A URL as `datasets` reads it, which takes brackets for a pattern."""
    return url.replace("[", "[[]")
