# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A folder to which token files are written, each of which is whole or absent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from nuwa_hf.media.whole_files import remove_left_aside
from nuwa_hf.training.tokens.token_files import (
    METADATA_NAME,
    TokenFiles,
    read_metadata,
    read_shard_infos,
    shard_path,
    write_metadata,
    write_shard,
)


Info = dict[str, Any] | None


class TokenFolder:
    """Token files in a local folder.

    Args:
        place (`str`): the folder.
    """

    is_url = False

    def __init__(self, place: str):
        self.place = place
        self._folder = Path(place)

    def __str__(self) -> str:
        return self.place

    def absolute(self) -> "TokenFolder":
        """The same, for a process that works in another folder."""
        return TokenFolder(str(self._folder.absolute()))

    def prepare(self) -> None:
        """Create it, and remove what a killed run left half-written.

        Raises:
            OSError: If it cannot be created or reached.
            ValueError: If no installed package opens such URLs.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_left_aside(self._folder)

    @contextmanager
    def filled(self) -> Iterator[Path]:
        """A local folder, all of whose files are here when the block ends well.

        Yields:
            `Path`: the folder.

        Raises:
            OSError: If they cannot be written here.
        """
        yield self._folder

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """A local folder that has a file of this one while the block runs, if there is such a file.

        Args:
            name (`str`): the file.

        Yields:
            `Path`: the folder.

        Raises:
            OSError: If it cannot be fetched.
        """
        yield self._folder

    def names(self) -> list[str]:
        """The names of all files, in order."""
        return sorted(path.name for path in self._folder.iterdir())

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self._folder / name).unlink(missing_ok=True)

    def path(self, name: str) -> str:
        """What to call a file in messages."""
        return str(Path(self.place) / name)

    def shard_infos(self) -> dict[int, Info]:
        """What `read_shard_infos` gives.

        Returns:
            `dict[int, dict[str, Any] | None]`: shard number to information.

        Raises:
            OSError: If they cannot be fetched.
            ValueError: If a shard is damaged.
        """
        return read_shard_infos(self._folder)

    def has_metadata(self) -> bool:
        """Whether it was begun."""
        return (self._folder / METADATA_NAME).is_file()

    def read_metadata(self) -> dict[str, Any]:
        """What `token_files.read_metadata` gives."""
        with self.fetched(METADATA_NAME) as folder:
            return read_metadata(folder)

    def write_metadata(self, metadata: dict[str, Any]) -> None:
        """As `token_files.write_metadata` does."""
        with self.filled() as folder:
            write_metadata(folder, metadata)

    def write_shard(self, index: int, tokens: TokenFiles, info: dict[str, Any]) -> None:
        """As `token_files.write_shard` does."""
        with self.filled() as folder:
            write_shard(folder, index, tokens, info)

    def read_video_tokens(self) -> Iterator[torch.Tensor]:
        """The visual tokens, some after others.

        Yields:
            `torch.IntTensor` of shape `(C, T, h, w)`.

        Raises:
            OSError: If a shard cannot be fetched.
            ValueError: If one is damaged.
        """
        yield from TokenFiles.load(self._folder).video_tokens.blocks()


def shard_name(index: int) -> str:
    """The name of a shard."""
    return shard_path(Path(), index).name
