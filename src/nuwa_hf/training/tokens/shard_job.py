# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""How a data set is cut into shards, and one shard as a piece of work that any machine can do."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nuwa_hf.datasets.row_source import Rows, RowSource
from nuwa_hf.training.tokens.clip_tokens import Encoders, tokenize_rows
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.token_files import TokenFiles, join_tokens
from nuwa_hf.training.tokens.token_folder import TokenFolder


@dataclass(frozen=True)
class ShardRules:
    """Shard k holds the usable ones of the k-th `rows_per_shard` rows of a data set, and depends on nothing else.

    Args:
        folder (`TokenFolder`): where shards go.
        rows_per_shard (`int`): rows of one shard.
        rows_per_batch (`int`): rows encoded together; no batch has rows of two shards.
        codec (`str`): what tells the codec from others; kept in each shard.
        empty (`TokenFiles`, *optional*): tokens of zero clips, for a shard without a usable row.
    """

    folder: TokenFolder
    rows_per_shard: int
    rows_per_batch: int
    codec: str
    empty: TokenFiles | None = None

    def batches(self, rows: Iterator[tuple[int, Any]]) -> Iterator[Rows]:
        """The next rows in batches, up to the end of a shard.

        Args:
            rows (`Iterator[tuple[int, Any]]`): numbers and rows, from the first of a shard on.

        Yields:
            `Rows`: a batch.
        """
        left = self.rows_per_shard
        while left and (batch := list(islice(rows, min(left, self.rows_per_batch)))):
            yield batch
            left -= len(batch)

    def write(self, index: int, tokens: list[TokenFiles], content: ShardContent) -> None:
        """Write a shard.

        Args:
            index (`int`): its number.
            tokens (`list[TokenFiles]`): those of its batches that have any.
            content (`ShardContent`): what else is known of it.

        Raises:
            OSError: If it cannot be written, for example because the disk is full.
        """
        info = {**content.to_info(), "codec": self.codec}
        self.folder.write_shard(index, join_tokens(tokens or [self.empty]), info)


@dataclass(frozen=True)
class ShardJob:
    """All that a machine needs to write any shard of a data set.

    Args:
        rules (`ShardRules`): how shards are cut.
        source (`RowSource`): the data set; a stream must be counted.
        encoders (`Encoders`): the codecs and the tokenizer.
    """

    rules: ShardRules
    source: RowSource
    encoders: Encoders

    def write(self, index: int) -> ShardContent:
        """Read, encode and write the rows of one shard. Done twice, it gives the same bytes.

        Args:
            index (`int`): its number.

        Returns:
            `ShardContent`.

        Raises:
            OSError: If rows cannot be reached or the shard cannot be written.
            ValueError: If a row breaks a rule that more than the row depends on.
        """
        content, tokens = ShardContent(), []
        rows = self.source.rows(index * self.rules.rows_per_shard)
        for batch in self.rules.batches(rows):
            part = tokenize_rows(self.encoders, self.source.reader, batch)
            content.add(ShardContent.of(part))
            if part.tokens is not None:
                tokens.append(part.tokens)
        self.rules.write(index, tokens, content)
        return content
