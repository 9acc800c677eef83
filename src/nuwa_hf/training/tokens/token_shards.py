# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Writes the missing shards of token files."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from nuwa_hf.datasets.row_source import Rows, RowSource
from nuwa_hf.media.whole_files import written_aside
from nuwa_hf.training.tokens.caption_tokens import CaptionLosses
from nuwa_hf.training.tokens.clip_tokens import SkippedClip, TokenizedRows
from nuwa_hf.training.tokens.token_files import (
    TokenFiles,
    join_tokens,
    read_metadata,
    read_shard_infos,
    write_metadata,
    write_shard,
)


logger = logging.getLogger(__name__)

SKIPPED_NAME = "skipped.jsonl"
NAMED_SKIPS = 3  # named in an error message


@dataclass
class ShardContent:
    """What is known of a shard besides its tokens.

    Args:
        num_rows (`int`): rows of the data set that it stands for.
        num_clips (`int`): clips in it; less where rows were skipped, more where a row gives several windows.
        skipped (`list[SkippedClip]`): the rows that could not be used.
        captions (`CaptionLosses`): what the tokenizer lost of its captions.
    """

    num_rows: int = 0
    num_clips: int = 0
    skipped: list[SkippedClip] = field(default_factory=list)
    captions: CaptionLosses = field(default_factory=CaptionLosses)

    @classmethod
    def from_info(cls, info: dict[str, Any]) -> "ShardContent":
        """From what `to_info` gave; shards of earlier versions have one clip a row and do not count captions."""
        skipped = [SkippedClip(**clip) for clip in info["skipped"]]
        num_clips = info.get("num_clips", info["num_rows"] - len(skipped))
        return cls(info["num_rows"], num_clips, skipped, CaptionLosses.from_dict(info.get("captions", {})))

    def to_info(self) -> dict[str, Any]:
        """As JSON can store it."""
        skipped = [vars(clip) for clip in self.skipped]
        return {**vars(self), "skipped": skipped, "captions": vars(self.captions)}

    def add(self, part: TokenizedRows) -> None:
        """Count a batch of rows too."""
        self.num_rows += part.num_rows
        self.num_clips += 0 if part.tokens is None else len(part.tokens)
        self.skipped.extend(part.skipped)
        self.captions += part.captions


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

    def write(self, tokenize: Callable[[Iterable[Rows]], Iterator[TokenizedRows]]) -> ShardContent:
        """Write the missing shards, and the skipped rows to `skipped.jsonl`.

        Args:
            tokenize (`Callable`): makes tokens from batches of rows and keeps their order.

        Returns:
            `ShardContent`: of all shards together.

        Raises:
            OSError: If a file cannot be written, for example because the disk is full.
            ValueError: If more rows are unusable than the share allows, or all are, or a shard is damaged.
        """
        shards = self._read_shards()
        missing = _without(shards)
        batches = self._batches({index: shard.num_rows for index, shard in shards.items()})
        done = sum(shard.num_rows for shard in shards.values())
        with tqdm(total=self.source.num_rows, initial=done, unit="clip", desc="Tokenising") as bar:
            index, tokens = next(missing), []
            for part in tokenize(batches):
                shard = shards.setdefault(index, ShardContent())
                shard.add(part)
                if part.tokens is not None:
                    tokens.append(part.tokens)
                for clip in part.skipped:
                    logger.warning("Skipped row %d, %s: it %s.", clip.row, clip.name, clip.reason)
                bar.update(part.num_rows)
                if self.source.num_rows is not None:
                    self._check_skipped(shards, self.source.num_rows)
                if shard.num_rows == self.rows_per_shard:
                    self._write_shard(index, tokens, shard)
                    index, tokens = next(missing), []
            if index in shards:
                self._write_shard(index, tokens, shards[index])
        whole = _together(shards)
        self._check_skipped(shards, whole.num_rows)
        self._write_skipped(whole)
        self._finish(whole.num_clips, len(shards))
        return whole

    def _read_shards(self) -> dict[int, ShardContent]:
        """What is known of each existing shard."""
        shards = {}
        for index, info in read_shard_infos(self.folder).items():
            if info is None:  # EmojiMotion's, of an earlier version
                num_rows = min(self.rows_per_shard, self.source.num_rows - index * self.rows_per_shard)
                shards[index] = ShardContent(num_rows, num_rows)
            else:
                shards[index] = ShardContent.from_info(info)
        return shards

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

    def _write_shard(self, index: int, tokens: list[TokenFiles], shard: ShardContent) -> None:
        write_shard(self.folder, index, join_tokens(tokens or [self.empty]), shard.to_info())

    def _check_skipped(self, shards: dict[int, ShardContent], num_rows: int) -> None:
        whole = _together(shards)
        clips = whole.skipped
        if not clips or len(clips) <= self.max_skipped_share * num_rows:
            return
        self._write_skipped(whole)
        named = "; ".join(f"{clip.name} {clip.reason}" for clip in clips[:NAMED_SKIPS])
        raise ValueError(
            f"`max_skipped_share` must not be passed, got {len(clips)} of {num_rows} clips that cannot be used, where "
            f"{self.max_skipped_share:g} of them may be: {named}{'; ...' if len(clips) > NAMED_SKIPS else ''}. All "
            f"are in {self.folder / SKIPPED_NAME}; mend them, or raise the share; "
            "for clips that are too short take fewer frames (`num_frames`) or a larger `frame_rate`."
        )

    def _write_skipped(self, whole: ShardContent) -> None:
        path = self.folder / SKIPPED_NAME
        if not whole.skipped:
            path.unlink(missing_ok=True)
            return
        with written_aside(path) as aside:
            aside.write_text("".join(json.dumps(vars(clip)) + "\n" for clip in whole.skipped), encoding="utf-8")

    def _finish(self, num_clips: int, num_shards: int) -> None:
        metadata = read_metadata(self.folder)
        if metadata["num_shards"] is not None:
            return
        if num_clips == 0:
            raise ValueError(
                f"`dataset` must hold a clip that can be used, got none; see {self.folder / SKIPPED_NAME}."
            )
        write_metadata(self.folder, {**metadata, "num_clips": num_clips, "num_shards": num_shards})


def _together(shards: dict[int, ShardContent]) -> ShardContent:
    whole = ShardContent()
    for _, shard in sorted(shards.items()):
        whole.num_rows += shard.num_rows
        whole.num_clips += shard.num_clips
        whole.skipped.extend(shard.skipped)
        whole.captions += shard.captions
    return whole


def _without(taken: dict[int, Any]) -> Iterator[int]:
    """0, 1, 2 and so on, without the numbers already taken."""
    taken = frozenset(taken)
    return (index for index in count() if index not in taken)
