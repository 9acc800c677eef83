# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which clips of token files a `validation_share` holds out: the same rows of a data set in all folders made of it.

Legend: C clips.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from nuwa_hf.training.run.run_arguments import require
from nuwa_hf.training.run.sample_order import shuffled
from nuwa_hf.training.tokens.open_shard import damaged
from nuwa_hf.training.tokens.shard_content import ShardContent
from nuwa_hf.training.tokens.token_files import TokenFiles, read_metadata, read_shard_infos, shard_path


# What tells a data set from others, of the metadata of token files. Their digest does not: it is of captions and
# sketches too, and folders of the same clips may be made with and without them.
OF_DATA_SETS = ("dataset", "dataset_split")
OF_DRAWN_CLIPS = ("dataset", "setting", "sprites", "split", "seed")


def parts_of(
    folders: Sequence[str | Path], loaded: Sequence[TokenFiles], share: float, seed: int, *, is_held_out: bool
) -> list[TokenFiles]:
    """Of each folder the clips that are held out, or the others.

    Args:
        folders (`Sequence[str | Path]`): what `nuwa-hf tokenize` wrote.
        loaded (`Sequence[TokenFiles]`): all clips of each.
        share (`float`): of the rows that are held out, above 0 and below 1.
        seed (`int`): of the choice.
        is_held_out (`bool`): which part.

    Returns:
        `list[TokenFiles]`.

    Raises:
        ValueError: If a part would be empty, or a shard is damaged.
    """
    rows = [rows_of_clips(tokens, Path(folder)) for folder, tokens in zip(folders, loaded, strict=True)]
    data_sets = [_data_set_of(read_metadata(Path(folder))) for folder in folders]
    parts = []
    for place, (tokens, data_set) in enumerate(zip(loaded, data_sets, strict=True)):
        same = [place] if data_set is None else [one for one, other in enumerate(data_sets) if other == data_set]
        among = torch.cat([rows[one] for one in same])
        parts.append(part_of(tokens, rows[place], among, share, seed, is_held_out=is_held_out))
    return parts


def rows_of_clips(tokens: TokenFiles, folder: Path) -> torch.Tensor:
    """The row of the data set that each clip comes from.

    Args:
        tokens (`TokenFiles`): all clips of a folder.
        folder (`Path`): the folder, whose shards say which rows were skipped.

    Returns:
        `torch.IntTensor` of shape `(C,)`: the first row with the same image or clip.

    Raises:
        ValueError: If a shard is damaged.
    """
    if tokens.source_rows is not None:
        return tokens.source_rows[:]
    skipped = set()
    for index, info in read_shard_infos(folder).items():
        try:
            skipped |= set() if info is None else {clip.row for clip in ShardContent.from_info(info).skipped}
        except ValueError as error:
            raise damaged(shard_path(folder, index), str(error)) from error
    num_rows = len(tokens) + len(skipped)
    is_used = torch.ones(num_rows, dtype=torch.bool)
    is_used[[row for row in skipped if 0 <= row < num_rows]] = False
    return is_used.nonzero().flatten().int()[: len(tokens)]


def part_of(
    tokens: TokenFiles, rows: torch.Tensor, among: torch.Tensor, share: float, seed: int, *, is_held_out: bool
) -> TokenFiles:
    """The clips that are held out, or the others: each row of the data set is in one part, with all its samples.

    Args:
        tokens (`TokenFiles`): all clips of a folder.
        rows (`torch.IntTensor` of shape `(C,)`): the row of the data set that each clip comes from.
        among (`torch.IntTensor`): the rows among which is chosen, those of all folders of the data set, in any order.
        share (`float`): of these rows that are held out, above 0 and below 1.
        seed (`int`): of the choice.
        is_held_out (`bool`): which part.

    Returns:
        `TokenFiles`.

    Raises:
        ValueError: If the part would be empty.
    """
    among = among.unique()
    chosen = [shuffled(index, len(among), seed) for index in range(round(share * len(among)))]
    is_chosen = torch.isin(rows, among[chosen])
    num_rows, count = len(rows.unique()), len(rows[is_chosen].unique())
    require(
        0 < count < num_rows,
        "validation_share",
        f"a share of the {num_rows} clips of `tokens` with at least 1 clip on either side",
        share,
        "use another, or 0",
    )
    return tokens.where(is_chosen == is_held_out)


def _data_set_of(metadata: dict[str, Any]) -> tuple[Any, ...] | None:
    """What tells the data set of token files from others; None if they do not say."""
    names = OF_DATA_SETS if "dataset_split" in metadata else OF_DRAWN_CLIPS
    found = tuple(metadata.get(name) for name in names)
    return found if any(value is not None for value in found) else None
