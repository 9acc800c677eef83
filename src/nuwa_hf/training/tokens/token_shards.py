# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Writes the missing shards of token files."""

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm.auto import tqdm

from nuwa_hf.training.tokens.clip_tokens import Rows, SampleReader, SkippedClip, TokenizedRows
from nuwa_hf.training.tokens.token_files import (
    TokenFiles,
    read_metadata,
    read_shard_infos,
    write_metadata,
    write_shard,
)


logger = logging.getLogger(__name__)

SKIPPED_NAME = "skipped.jsonl"
NAMED_SKIPS = 3  # named in an error message


class RowSource(Protocol):
    """A data set whose rows are read one after another."""

    num_rows: int | None  # None if it is streamed
    reader: SampleReader

    def rows(self, start: int) -> Iterator[tuple[int, Any]]:
        """Row numbers and rows, starting at a row."""


@dataclass(frozen=True)
class ShardWriter:
    """Writes a data set's shards into a folder. Shard k holds the usable ones of the k-th `rows_per_shard` rows.

    A shard depends only on its rows, so shards that exist need not be written again.

    Args:
        folder (`Path`): the folder, with its metadata. If `num_shards` is None there, it is filled in at the end.
        source (`RowSource`): the data set.
        rows_per_shard (`int`): rows of one shard.
        rows_per_batch (`int`): rows encoded together.
        empty (`TokenFiles`, *optional*): tokens of zero clips, for a shard without a usable row.
        max_skipped_share (`float`, *optional*): the largest share of rows that may be unusable; None if all rows are
            usable.
    """

    folder: Path
    source: RowSource
    rows_per_shard: int
    rows_per_batch: int
    empty: TokenFiles | None = None
    max_skipped_share: float | None = None

    def write(self, tokenize: Callable[[Iterable[Rows]], Iterator[TokenizedRows]]) -> None:
        """Write the missing shards, and the skipped rows to `skipped.jsonl`.

        Args:
            tokenize (`Callable`): makes tokens from batches of rows and keeps their order.

        Raises:
            ValueError: If more rows are unusable than the share allows, or all are.
        """
        rows_of, skipped = self._read_shards()
        missing = _without(rows_of)
        batches = self._batches(dict(rows_of))
        with tqdm(total=self.source.num_rows, initial=sum(rows_of.values()), unit="clip", desc="Tokenising") as bar:
            index, parts = next(missing), []
            for part in tokenize(batches):
                parts.append(part)
                skipped.setdefault(index, []).extend(part.skipped)
                for clip in part.skipped:
                    logger.warning("Skipped row %d, %s: it %s.", clip.row, clip.name, clip.reason)
                bar.update(part.num_rows)
                if self.source.num_rows is not None:
                    self._check_skipped(skipped, self.source.num_rows)
                if sum(part.num_rows for part in parts) == self.rows_per_shard:
                    rows_of[index] = self._write_shard(index, parts)
                    index, parts = next(missing), []
            if parts:
                rows_of[index] = self._write_shard(index, parts)
        self._check_skipped(skipped, sum(rows_of.values()))
        self._write_skipped(skipped)
        self._finish(sum(rows_of.values()) - sum(map(len, skipped.values())), len(rows_of))

    def _read_shards(self) -> tuple[dict[int, int], dict[int, list[SkippedClip]]]:
        """The rows of each existing shard, and which of them were skipped."""
        infos = read_shard_infos(self.folder)
        if self.max_skipped_share is None:
            return {
                index: min(self.rows_per_shard, self.source.num_rows - index * self.rows_per_shard) for index in infos
            }, {}
        skipped = {index: [SkippedClip(**clip) for clip in info["skipped"]] for index, info in infos.items()}
        return {index: info["num_rows"] for index, info in infos.items()}, skipped

    def _batches(self, rows_of: dict[int, int]) -> Iterator[Rows]:
        """The rows of the missing shards. No batch has rows of two shards."""
        rows = None
        for index in count():
            if index in rows_of:
                if rows_of[index] < self.rows_per_shard:  # the last one
                    return
                rows = None
                continue
            rows = self.source.rows(index * self.rows_per_shard) if rows is None else rows
            left = self.rows_per_shard
            while left:
                batch = list(islice(rows, min(left, self.rows_per_batch)))
                if not batch:
                    return
                yield batch
                left -= len(batch)

    def _write_shard(self, index: int, parts: list[TokenizedRows]) -> int:
        tokens = [part.tokens for part in parts if part.tokens is not None] or [self.empty]
        names = [name for name, column in vars(tokens[0]).items() if column is not None]
        columns = {name: torch.cat([getattr(part, name) for part in tokens]) for name in names}
        num_rows = sum(part.num_rows for part in parts)
        info = None
        if self.max_skipped_share is not None:
            info = {"num_rows": num_rows, "skipped": [vars(clip) for part in parts for clip in part.skipped]}
        write_shard(self.folder, index, TokenFiles(**columns), info)
        return num_rows

    def _check_skipped(self, skipped: dict[int, list[SkippedClip]], num_rows: int) -> None:
        clips = [clip for index in sorted(skipped) for clip in skipped[index]]
        if not clips or len(clips) <= self.max_skipped_share * num_rows:
            return
        self._write_skipped(skipped)
        named = "; ".join(f"{clip.name} {clip.reason}" for clip in clips[:NAMED_SKIPS])
        raise ValueError(
            f"`max_skipped_share` must not be passed, got {len(clips)} of {num_rows} clips that cannot be used, where "
            f"{self.max_skipped_share:g} of them may be: {named}{'; ...' if len(clips) > NAMED_SKIPS else ''}. All "
            f"are in {self.folder / SKIPPED_NAME}; mend them, or raise the share."
        )

    def _write_skipped(self, skipped: dict[int, list[SkippedClip]]) -> None:
        path = self.folder / SKIPPED_NAME
        lines = [json.dumps(vars(clip)) + "\n" for index in sorted(skipped) for clip in skipped[index]]
        if not lines:
            path.unlink(missing_ok=True)
            return
        aside = path.with_name(f".{SKIPPED_NAME}.incomplete")
        aside.write_text("".join(lines), encoding="utf-8")
        os.replace(aside, path)

    def _finish(self, num_clips: int, num_shards: int) -> None:
        metadata = read_metadata(self.folder)
        if metadata["num_shards"] is not None:
            return
        if num_clips == 0:
            raise ValueError(
                f"`dataset` must hold a clip that can be used, got none; see {self.folder / SKIPPED_NAME}."
            )
        write_metadata(self.folder, {**metadata, "num_clips": num_clips, "num_shards": num_shards})


def _without(taken: dict[int, int]) -> Iterator[int]:
    """0, 1, 2 and so on, without the numbers already taken."""
    taken = frozenset(taken)
    return (index for index in count() if index not in taken)
