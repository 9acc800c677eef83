# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Keeps account of the shards of token files while an engine writes the missing ones."""

import json
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tqdm.auto import tqdm

from nuwa_hf.datasets.row_source import RowSource
from nuwa_hf.media.whole_files import written_aside
from nuwa_hf.training.tokens.open_shard import damaged
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.shard_job import ShardRules
from nuwa_hf.training.tokens.token_folder import shard_name


logger = logging.getLogger(__name__)

SKIPPED_NAME = "skipped.jsonl"
NAMED_SKIPS = 3  # named in an error message


@dataclass(frozen=True)
class ShardWriter:
    """Has an engine write the missing shards of a data set, and keeps account of all of them.

    Args:
        rules (`ShardRules`): how shards are cut, and where they go. If `num_shards` is None in the metadata there, it
            is filled in at the end.
        source (`RowSource`): the data set.
        max_skipped_share (`float`, *optional*): the largest share of rows that may be unusable; None if all rows are
            usable.
    """

    rules: ShardRules
    source: RowSource
    max_skipped_share: float | None = None

    def write(self, engine: Callable[[dict[int, ShardContent]], Iterator[tuple[int, ShardContent]]]) -> ShardContent:
        """Write the missing shards, and the skipped rows to `skipped.jsonl`.

        Args:
            engine (`Callable`): takes what is known of the shards that exist, writes the others, and yields the number
                of each with what it holds, as a whole or part by part, in any order.

        Returns:
            `ShardContent`: of all shards together.

        Raises:
            OSError: If a file cannot be written, for example because the disk is full.
            ValueError: If more rows are unusable than the share allows, or all are, or a shard is damaged or of
                another codec.
        """
        shards = self._read_shards()
        done = sum(shard.num_rows for shard in shards.values())
        with tqdm(total=self.source.num_rows, initial=done, unit="clip", desc="Tokenising") as bar:
            for index, part in engine(dict(shards)):
                shards.setdefault(index, ShardContent()).add(part)
                for clip in part.skipped:
                    logger.warning("Skipped row %d, %s: it %s.", clip.row, clip.name, clip.reason)
                bar.update(part.num_rows)
                if self.source.num_rows is not None:
                    self._check_skipped(shards, self.source.num_rows)
        whole = _together(shards)
        self._check_skipped(shards, whole.num_rows)
        self._write_skipped(whole)
        self._finish(whole.num_clips, len(shards))
        return whole

    def _read_shards(self) -> dict[int, ShardContent]:
        """What is known of each existing shard."""
        shards, rules = {}, self.rules
        for index, info in rules.folder.shard_infos().items():
            if info is None:  # EmojiMotion's, of an earlier version
                num_rows = min(rules.rows_per_shard, self.source.num_rows - index * rules.rows_per_shard)
                shards[index] = ShardContent(num_rows, num_rows, used_codes=None)
                continue
            path = rules.folder.path(shard_name(index))
            if info.get("codec", rules.codec) != rules.codec:
                raise ValueError(
                    f"`output_dir` must hold shards of the given codec, got {path!r} of another; delete that file, "
                    "which the same command then writes anew, or use another folder."
                )
            try:
                shards[index] = ShardContent.from_info(info)
            except ValueError as error:
                raise damaged(path, str(error)) from error
        return shards

    def _check_skipped(self, shards: dict[int, ShardContent], num_rows: int) -> None:
        skipped = sum(len(shard.skipped) for shard in shards.values())
        if not skipped or skipped <= self.max_skipped_share * num_rows:
            return
        whole = _together(shards)
        clips = whole.skipped
        self._write_skipped(whole)
        needed, remedy = math.ceil(1000 * len(clips) / num_rows) / 1000, "mend them, or raise the share"
        rule = f"`max_skipped_share` must be at least {needed:g}, got {self.max_skipped_share:g}: {len(clips)} of"
        if len(clips) == num_rows:  # no share would do
            rule, remedy = "`dataset` must hold clips that can be used, got none:", "mend them"
        named = "; ".join(f"{clip.name} {clip.reason}" for clip in clips[:NAMED_SKIPS])
        named += "; ..." if len(clips) > NAMED_SKIPS else ""
        raise ValueError(
            f"{rule} {num_rows} clips cannot be used, {named}. All are in {self.rules.folder.path(SKIPPED_NAME)}; "
            f"{remedy}; for clips that are too short take fewer frames (`num_frames`) or a larger `frame_rate`."
        )

    def _write_skipped(self, whole: ShardContent) -> None:
        if not whole.skipped:
            self.rules.folder.remove(SKIPPED_NAME)
            return
        with self.rules.folder.filled() as folder, written_aside(folder / SKIPPED_NAME) as aside:
            aside.write_text("".join(json.dumps(vars(clip)) + "\n" for clip in whole.skipped), encoding="utf-8")

    def _finish(self, num_clips: int, num_shards: int) -> None:
        metadata = self.rules.folder.read_metadata()
        if metadata["num_shards"] is not None:
            return
        if num_clips == 0:
            where = self.rules.folder.path(SKIPPED_NAME)
            raise ValueError(f"`dataset` must hold a clip that can be used, got none; see {where}.")
        self.rules.folder.write_metadata({**metadata, "num_clips": num_clips, "num_shards": num_shards})


def _together(shards: dict[int, ShardContent]) -> ShardContent:
    return ShardContent.together(shard for _, shard in sorted(shards.items()))
