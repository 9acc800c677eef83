# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which columns of a file of rows name files, and where those files are."""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .find_columns import MEDIA_COLUMNS, PATH_COLUMNS
from .media_endings import has_media_ending
from .metadata_rows import MetadataError, MetadataRows


FOLDER_MEDIA_COLUMN = "media"


@dataclass(frozen=True)
class FileColumns:
    """The columns of a file of rows that name files.

    A column names files if it is called `file_name`, `*_file_name`, `*_file_names`, as one of images or clips, or
    `sketch`, or if each of its values ends as the path of an image or a clip does.

    Args:
        names (`dict[str, str]`): maps those columns to what they are called in the data set: `file_name` becomes
            `media`, and `sketch_file_name` `sketch`.
        media (`str`, *optional*): the one among the latter that holds images or clips; None if that is not clear.
    """

    names: dict[str, str]
    media: str | None

    @classmethod
    def of(cls, table: MetadataRows) -> "FileColumns":
        """The columns of a file of rows.

        Args:
            table (`MetadataRows`): the rows.

        Returns:
            `FileColumns`.

        Raises:
            ValueError: If two columns would get the same name.
        """
        names = {name: _name_in_data_set(name) for name in table.columns if _names_files(name, table)}
        for name, target in names.items():
            if target != name and (target in table.columns or list(names.values()).count(target) > 1):
                raise MetadataError(
                    f"`dataset` must have columns of different names, got {name!r} in {str(table.path)!r}, which "
                    f"stands for {target!r}, another column; rename one."
                )
        return cls(names, _media_column(names))


class FileFinder:
    """Finds the files that rows name, below the folder of the rows' file or anywhere else.

    Args:
        root (`Path`): the data set's folder.
        files (`list[Path]`): its files, whole paths.
    """

    def __init__(self, root: Path, files: list[Path]):
        self.root = root
        self._files = {str(path): path for path in files}
        # Some systems write an accented letter of a file's name as two characters.
        self._composed = {unicodedata.normalize("NFC", str(path)): path for path in files}

    def find(self, name: str, folder: Path) -> Path | None:
        """The file of a name.

        Args:
            name (`str`): a whole path, or one from the folder on; with forward slashes or those of Windows.
            folder (`Path`): where the file of rows lies.

        Returns:
            `Path`, or None if there is no such file.
        """
        for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
            path = os.path.normpath(folder / os.path.expanduser(spelling))
            known = self._files.get(path) or self._composed.get(unicodedata.normalize("NFC", path))
            if known is not None:
                return known
            if os.path.isfile(path):  # unlike Path.is_file, False for a name that is too long
                return Path(path)
        return None

    def shown(self, path: Path) -> str:
        """What to call a file in messages.

        Args:
            path (`Path`): a whole path.

        Returns:
            `str`: the path from the data set's folder on, or the whole one of a file elsewhere.
        """
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def is_url(value: Any) -> bool:
    """Whether a value is the address of a file that lies elsewhere.

    Args:
        value: of a row.

    Returns:
        `bool`.
    """
    return isinstance(value, str) and "://" in value


def _names_files(name: str, table: MetadataRows) -> bool:
    if name == "file_name" or name.endswith(("_file_name", "_file_names")):
        return True
    values = [value for row in table.rows if (value := row.get(name)) is not None]
    if not values or not all(isinstance(value, str) for value in values):
        return False
    if name in (*MEDIA_COLUMNS, *PATH_COLUMNS, "sketch"):
        return True
    return all(has_media_ending(value) and not is_url(value) for value in values)


def _name_in_data_set(name: str) -> str:
    if name == "file_name":
        return FOLDER_MEDIA_COLUMN
    return name.removesuffix("_file_names").removesuffix("_file_name")


def _media_column(names: dict[str, str]) -> str | None:
    if "file_name" in names:
        return names["file_name"]
    candidates = [target for name, target in names.items() if target != "sketch" and not name.endswith("_file_names")]
    for known in (MEDIA_COLUMNS, PATH_COLUMNS):
        candidates = [name for name in candidates if name in known] or candidates
    return candidates[0] if len(candidates) == 1 else None
