# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Token files at a URL of any kind that `fsspec` writes to. Each file is whole or absent.

A file is made in a temporary folder, put under another name and then moved: whoever lists the place never finds half
of one, whether moving is one step there or a copy.
"""

import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import fsspec
import torch

from nuwa_hf.datasets.url_errors import reaching
from nuwa_hf.training.tokens.open_shard import SHARD_NAME, OpenShard
from nuwa_hf.training.tokens.token_files import METADATA_NAME, shard_info, shard_number
from nuwa_hf.training.tokens.token_folder import Info, TokenFolder


HEADER_BYTES = 2**16  # of a shard, fetched at once; most headers are shorter


class TokenUrl(TokenFolder):
    """Token files at a URL.

    Args:
        place (`str`): the URL.
    """

    is_url = True

    def absolute(self) -> TokenFolder:
        """As `TokenFolder.absolute` does."""
        return self

    def prepare(self) -> None:
        """As `TokenFolder.prepare` does."""
        with self._reaching() as (files, root):
            files.makedirs(root, exist_ok=True)
            for name in self.names():
                if name.startswith(".") and name.endswith(".part"):
                    files.rm_file(f"{root}/{name}")

    @contextmanager
    def filled(self) -> Iterator[Path]:
        """As `TokenFolder.filled` does."""
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
            for path in sorted(Path(folder).iterdir()):
                self._put(path)

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """As `TokenFolder.fetched` does."""
        with tempfile.TemporaryDirectory() as folder:
            with self._reaching() as (files, root):
                if files.exists(f"{root}/{name}"):
                    files.get_file(f"{root}/{name}", str(Path(folder) / name))
            yield Path(folder)

    def names(self) -> list[str]:
        """As `TokenFolder.names` does."""
        with self._reaching() as (files, root):
            files.invalidate_cache()
            found = files.ls(root, detail=False) if files.exists(root) else []
            return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def has_metadata(self) -> bool:
        """As `TokenFolder.has_metadata` does."""
        with self._reaching() as (files, root):
            return files.exists(f"{root}/{METADATA_NAME}")

    def remove(self, name: str) -> None:
        """As `TokenFolder.remove` does."""
        if name in self.names():
            with self._reaching() as (files, root):
                files.rm_file(f"{root}/{name}")

    def path(self, name: str) -> str:
        """As `TokenFolder.path` does."""
        return f"{self.place.rstrip('/')}/{name}"

    def shard_infos(self) -> dict[int, Info]:
        """As `TokenFolder.shard_infos` does; only the heads of the shards are fetched."""
        names = self._shards()
        if not names:
            return {}
        with self._reaching() as (files, root):
            paths = [f"{root}/{name}" for name in names]
            heads = files.cat_ranges(paths, [0] * len(paths), [HEADER_BYTES] * len(paths), on_error="raise")
            sizes = files.sizes(paths)
            heads = [_whole_head(files, path, head) for path, head in zip(paths, heads, strict=True)]
        infos = {}
        for name, head, size in zip(names, heads, sizes, strict=True):
            infos[shard_number(name)] = self._info(name, head, size)
        return infos

    def read_video_tokens(self) -> Iterator[torch.Tensor]:
        """As `TokenFolder.read_video_tokens` does; one shard is here at a time."""
        for name in self._shards():
            with self.fetched(name) as folder, closing(OpenShard(folder / name)) as shard:
                tokens = shard.read("video_tokens", 0, shard.num_rows)
            yield torch.from_numpy(tokens)

    def _shards(self) -> list[str]:
        return [name for name in self.names() if SHARD_NAME.fullmatch(name)]

    def _info(self, name: str, head: bytes, size: int) -> Info:
        """The information in the head of a shard, whose offsets say how long it must be."""
        try:
            header = json.loads(head[8:])
            metadata = header.pop("__metadata__", {})
            end = max(tensor["data_offsets"][1] for tensor in header.values())
            whole = len(head) + end
            info = shard_info(metadata)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise self._damaged(name, f"is no shard ({error})") from error
        if whole != size:
            raise self._damaged(name, f"has {size} bytes instead of {whole}")
        return info

    def _damaged(self, name: str, reason: str) -> ValueError:
        return ValueError(
            f"`output_dir` must hold whole shards, got {self.path(name)!r}, which {reason}; delete it and run the "
            "same command again, which writes it anew."
        )

    def _put(self, path: Path) -> None:
        with self._reaching() as (files, root):
            aside = f"{root}/.{path.name}.{secrets.token_hex(4)}.part"
            try:
                files.put_file(str(path), aside)
                files.mv(aside, f"{root}/{path.name}")
            finally:
                files.invalidate_cache()
                if files.exists(aside):
                    files.rm_file(aside)

    @contextmanager
    def _reaching(self) -> Iterator[tuple[fsspec.AbstractFileSystem, str]]:
        with reaching("output_dir", self.place):
            files, root = fsspec.url_to_fs(self.place)
            yield files, root.rstrip("/")


def _whole_head(files: fsspec.AbstractFileSystem, path: str, head: bytes) -> bytes:
    """The length and the header of a safetensors file, of which at least the first bytes are known."""
    length = 8 + int.from_bytes(head[:8], "little")
    return head[:length] if len(head) >= length else files.cat_file(path, 0, length)


def token_folder(place: str) -> TokenFolder:
    """Where token files are written, by its name.

    Args:
        place (`str`): a folder or a URL.

    Returns:
        `TokenFolder`.

    Raises:
        ValueError: If it is a URL of the Hub, where each file is a commit.
    """
    if place.startswith("hf://"):
        raise ValueError(
            f"`output_dir` must be a folder, or a URL of a store that many small files suit, got {place!r}, where "
            "each file is a commit; write to a folder, then use `hf upload-large-folder`."
        )
    return TokenUrl(place) if "://" in place else TokenFolder(place)
