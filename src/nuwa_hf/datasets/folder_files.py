# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""All files of a folder, sorted by what they are: media, files of rows, captions, others."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from .left_out import LeftOut
from .media_endings import has_media_ending
from .metadata_rows import holds_embedded_media, is_row_file


CAPTION_ENDINGS = (".txt", ".caption")  # of a file beside a clip; the first one counts where there are both


@dataclass(frozen=True)
class FolderFiles:
    """The files of a folder and its sub-folders as whole paths, each kind in the order of its names.

    Args:
        root (`Path`): the folder, a whole path.
        media (`list[Path]`): by their endings, images and clips.
        rows (`list[Path]`): .jsonl, .json, .csv and .parquet files.
        captions (`list[Path]`): .txt and .caption files.
        others (`list[Path]`): files of other endings, not looked into yet.
        left_out (`list[LeftOut]`): hidden files and what cannot be listed.
    """

    root: Path
    media: list[Path] = field(default_factory=list)
    rows: list[Path] = field(default_factory=list)
    captions: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @classmethod
    def of(cls, root: Path) -> "FolderFiles":
        """List a folder. Links to folders are followed.

        Args:
            root (`Path`): the folder.

        Returns:
            `FolderFiles`.
        """
        files = cls(root)
        files._add(root, {os.path.realpath(root)})
        return files

    def __iter__(self):
        yield from (*self.media, *self.rows, *self.captions, *self.others)

    def add(self, path: Path) -> None:
        """Add a file, sorted by its ending.

        Args:
            path (`Path`): below the root; it need not be there.
        """
        self._kind_of(path).append(path)

    def check_one_kind(self, place: str) -> None:
        """Check that images and clips do not lie both beside and inside of files that `datasets` reads.

        Args:
            place (`str`): what to call the folder.

        Raises:
            ValueError: If they do.
        """
        if not self.media:
            return
        inside = [path for path in self.rows if holds_embedded_media(path)]
        inside += [path for path in self.others if path.suffix.lower() in (".arrow", ".tar")]
        if inside:
            raise ValueError(
                f"`dataset` must have its clips either in files of their own or inside of {inside[0].suffix.lower()} "
                f"files, got both in {place!r}, such as {self.media[0].name} and {inside[0].name}; give a folder with "
                "one kind."
            )

    def _add(self, folder: Path, above: set[str]) -> None:
        """The files of a folder and of those within; `above` are the folders it lies in, for links in a circle."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self._leave_out(folder, f"cannot be listed: {error.strerror}")
            return
        for entry in entries:
            path = folder / entry.name
            if _is_undecodable(entry.name):
                name = os.fsencode(path.relative_to(self.root)).decode(errors="backslashreplace")
                self.left_out.append(LeftOut(name, "has a name that is not UTF-8"))
            elif entry.name.startswith("."):
                self._leave_out(path, "is hidden, since its name starts with a dot")
            elif entry.is_dir():
                real = os.path.realpath(path)
                if real in above:
                    self._leave_out(path, "is a link to a folder that it lies in")
                else:
                    self._add(path, above | {real})
            elif not entry.is_file():
                self._leave_out(path, "is a link to nothing" if entry.is_symlink() else "is no file")
            else:
                self.add(path)

    def _kind_of(self, path: Path) -> list[Path]:
        if has_media_ending(path.name):
            return self.media
        if is_row_file(path):
            return self.rows
        return self.captions if path.suffix.lower() in CAPTION_ENDINGS else self.others

    def _leave_out(self, path: Path, reason: str) -> None:
        self.left_out.append(LeftOut(path.relative_to(self.root).as_posix(), reason))


def _is_undecodable(name: str) -> bool:
    """Whether a name has bytes that are no UTF-8, which Python keeps as lone surrogates."""
    return any("\ud800" <= letter <= "\udfff" for letter in name)
