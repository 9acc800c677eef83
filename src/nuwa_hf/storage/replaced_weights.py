# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files of weights by their names: which variants there are, and which stand in the way of newer ones."""

import re
from collections.abc import Collection


# A file of weights or a shard, and the index of shards; with or without a variant such as "fp16".
WEIGHTS = re.compile(r"(?P<name>[^.]+?)(\.(?P<variant>[^.]+?))?(-\d{5}-of-\d{5})?\.(safetensors|bin)")
WEIGHTS_INDEX = re.compile(r"(?P<name>[^.]+)\.(safetensors|bin)\.index(\.(?P<variant>[^.]+))?\.json")


def replaced_weights(new: Collection[str], present: Collection[str]) -> list[str]:
    """Weights that newer ones replace by files with other names.

    The same weights must not exist both as one file and as shards: loading prefers the single file, which may be the
    old one. Other variants, such as fp16, are kept.

    Args:
        new (`Collection[str]`): the files that are written, as paths with slashes.
        present (`Collection[str]`): the files that were there before, likewise.

    Returns:
        `list[str]`: those of `present` that are to be deleted, sorted.
    """
    written = {_weights_of(name) for name in new} - {None}
    return sorted(name for name in present if name not in new and _weights_of(name) in written)


def variants_of(names: Collection[str]) -> set[str | None]:
    """The variants of the weights in a folder.

    Args:
        names (`Collection[str]`): its files.

    Returns:
        `set[str | None]`: such as "fp16", and None for weights without a variant.
    """
    matches = filter(None, (WEIGHTS.fullmatch(name) for name in names))
    return {match["variant"] for match in matches}


def _weights_of(path: str) -> tuple[str, str, str | None] | None:
    """Folder, name and variant of the weights that a file belongs to, or None."""
    folder, _, name = path.rpartition("/")
    match = WEIGHTS_INDEX.fullmatch(name) or WEIGHTS.fullmatch(name)
    # transformers calls the same weights `model.safetensors` and `pytorch_model.bin`.
    return (folder, match["name"].removeprefix("pytorch_"), match["variant"]) if match else None
