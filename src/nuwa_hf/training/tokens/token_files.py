# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Token files: a data set encoded once as visual tokens and text tokens, for training the transformer.

Legend: C clips, T, h, w token grid of a clip, L text length.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from nuwa_hf.argument_types import is_of_type, shown
from nuwa_hf.media.whole_files import written_aside
from nuwa_hf.training.tokens.open_shard import SHARD_NAME, damaged, info_in, opened
from nuwa_hf.training.tokens.stored_columns import StoredColumn, StoredShards
from nuwa_hf.training.tokens.used_codes import used_codes


METADATA_NAME = "token_files.json"
METADATA_TYPES = {"num_shards": int | None, "num_frames": int | None, "frame_rate": float | None}  # of what is used
LARGEST_IN_16_BITS = 65535


@dataclass(frozen=True)
class TokenFiles:
    """Clips as tokens. Columns are tensors or, where they come from `load`, stay on disk; `tokens[2:9]` is in memory.

    Args:
        video_tokens (`torch.IntTensor` of shape `(C, T, h, w)`): visual tokens of every frame.
        caption_ids (`torch.IntTensor` of shape `(C, L)`): text tokens of the clip, padded on the right.
        image_caption_ids (`torch.IntTensor` of shape `(C, L)`): text tokens of one still frame, padded on the right.
        image_indices (`torch.IntTensor` of shape `(C,)`): which frame that is, in [0, T).
        sketch_tokens (`torch.IntTensor` of shape `(C, T, h, w)`, *optional*): sketch tokens of every frame.
        source_rows (`torch.IntTensor` of shape `(C,)`, *optional*): the first row of the data set with the image or
            clip that each comes from, where several may come from one.
    """

    video_tokens: torch.Tensor | StoredColumn
    caption_ids: torch.Tensor | StoredColumn
    image_caption_ids: torch.Tensor | StoredColumn
    image_indices: torch.Tensor | StoredColumn
    sketch_tokens: torch.Tensor | StoredColumn | None = None
    source_rows: torch.Tensor | StoredColumn | None = None

    def __len__(self) -> int:
        return len(self.video_tokens)

    def __getitem__(self, rows: slice | Sequence[int] | torch.Tensor) -> "TokenFiles":
        return TokenFiles(**{name: None if value is None else value[rows] for name, value in vars(self).items()})

    def where(self, is_kept: torch.Tensor) -> "TokenFiles":
        """Some of the clips. Columns on disk stay there.

        Args:
            is_kept (`torch.BoolTensor` of shape `(C,)`): which.

        Returns:
            `TokenFiles`.
        """
        rows = is_kept.nonzero().flatten().int()
        kept = {name: value for name, value in vars(self).items() if value is not None}
        for name, value in kept.items():
            kept[name] = value.only(rows) if isinstance(value, StoredColumn) else value[rows]
        return TokenFiles(**kept)

    @classmethod
    def load(cls, folder: str | Path) -> "TokenFiles":
        """Open a folder. Only the shards' headers are read; clips are read when they are asked for.

        Args:
            folder (`str` or `Path`): what `nuwa-hf tokenize` wrote.

        Returns:
            `TokenFiles`.

        Raises:
            ValueError: If the folder is not there, or not all of its shards are, or one is damaged.
        """
        folder = Path(folder)
        num_shards = read_metadata(folder)["num_shards"]
        if num_shards is None:
            raise ValueError(
                f"`tokens` must be whole, got {str(folder)!r}, whose data set was not read to its end; run `nuwa-hf "
                "tokenize` again with the same arguments to write the rest."
            )
        missing = next((index for index in range(num_shards) if not shard_path(folder, index).is_file()), None)
        if missing is not None:
            present = sum(shard_path(folder, index).is_file() for index in _shard_numbers(folder))
            raise ValueError(
                f"`tokens` must hold all of their {shown(num_shards)} shards, got {present} in "
                f"{str(folder)!r} without {shard_path(folder, missing).name}; run `nuwa-hf tokenize` again with "
                "the same arguments to write the rest."
            )
        shards = StoredShards([shard_path(folder, index) for index in range(num_shards)])
        return cls(**{name: StoredColumn(shards, name) for name in shards.row_shapes})


def join_tokens(parts: Sequence[TokenFiles]) -> TokenFiles:
    """The clips of several parts, in order.

    Args:
        parts (`Sequence[TokenFiles]`): at least one, in memory; all have sketches, or none has.

    Returns:
        `TokenFiles`.
    """
    names = [name for name, column in vars(parts[0]).items() if column is not None]
    return TokenFiles(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def shard_path(folder: Path, index: int) -> Path:
    """The path of a shard."""
    return folder / f"tokens-{index:05d}.safetensors"


def shard_number(name: str) -> int:
    """The number of a shard, by the name that `shard_path` gives it."""
    return int(Path(name).stem.removeprefix("tokens-"))


def write_shard(folder: Path, index: int, tokens: TokenFiles, info: dict[str, Any] | None = None) -> None:
    """Write one shard, with information about how it was made. It is whole or not there.

    A column takes 16 bits a number where all of its numbers fit, otherwise 32. The shard says how small and large its
    numbers are, and which visual codes it uses, so that checking and counting them needs no reading.

    Args:
        folder (`Path`): the folder of the shards.
        index (`int`): its number.
        tokens (`TokenFiles`): its content.
        info (`dict[str, Any]`, *optional*): what `read_shard_infos` gives back.

    Raises:
        OSError: If it cannot be written, for example because the disk is full.
    """
    columns = {name: column[:] for name, column in vars(tokens).items() if column is not None}
    bounds = {name: bounds_of(column) for name, column in columns.items() if len(column)}
    wide = {name for name, (low, high) in bounds.items() if low < 0 or high > LARGEST_IN_16_BITS}
    tensors = {name: column.to(torch.int32 if name in wide else torch.uint16) for name, column in columns.items()}
    # All in one entry: safetensors writes several in any order, and equal content has to have equal bytes.
    told = {}
    if info is not None:
        codes = used_codes(columns["video_tokens"])
        told = {**info, "used_codes": None if codes is None else hex(codes)}
    metadata = {"info": json.dumps({**told, "bounds": bounds})}
    with written_aside(shard_path(folder, index)) as aside:
        # Not `save_file`: its errors are no OSErrors, and a process that is killed leaves its temporary file.
        aside.write_bytes(save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata))


def bounds_of(column: torch.Tensor | StoredColumn) -> tuple[int, int] | None:
    """The smallest and the largest number of a column.

    Args:
        column (`torch.IntTensor` or `StoredColumn`): of token files.

    Returns:
        `tuple[int, int]`, or None if it has no clip.
    """
    if isinstance(column, StoredColumn):
        return column.bounds()
    return tuple(int(bound) for bound in column.aminmax()) if len(column) else None


def read_shard_infos(folder: Path) -> dict[int, dict[str, Any] | None]:
    """The information stored in each shard of a folder.

    Args:
        folder (`Path`): the folder of the shards.

    Returns:
        `dict[int, dict[str, Any] | None]`: shard number to information.

    Raises:
        ValueError: If a shard is damaged.
    """
    infos = {}
    for index in _shard_numbers(folder):
        path = shard_path(folder, index)
        with opened(path) as file:
            try:
                infos[index] = shard_info(file.metadata() or {})
            except ValueError as error:
                raise damaged(path, str(error)) from error
    return infos


def _shard_numbers(folder: Path) -> list[int]:
    names = [path.name for path in folder.glob("tokens-*.safetensors") if SHARD_NAME.fullmatch(path.name)]
    return sorted(map(shard_number, names))


def shard_info(metadata: dict[str, str]) -> dict[str, Any] | None:
    """What `write_shard` was told, out of the metadata of a shard.

    Args:
        metadata (`dict[str, str]`): as safetensors stores it.

    Returns:
        `dict[str, Any]`, or None if it was told nothing.

    Raises:
        ValueError: If that cannot be read.
    """
    info = info_in(metadata)
    info.pop("bounds", None)  # which `write_shard` adds
    return info or None


def write_metadata(folder: Path, metadata: dict[str, Any]) -> None:
    """Write the metadata of token files. They are whole or not there."""
    with written_aside(folder / METADATA_NAME) as aside:
        aside.write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read what `write_metadata` wrote.

    Args:
        folder (`Path`): what `nuwa-hf tokenize` wrote.

    Returns:
        `dict[str, Any]`: with at least `num_shards`.

    Raises:
        ValueError: If the file is missing or damaged.
    """
    path = folder / METADATA_NAME
    if not path.is_file():
        raise ValueError(
            f"`tokens` must be a folder written by `nuwa-hf tokenize`, got {str(folder)!r}; run it first."
        )
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is no JSON ({error})") from error
    if not isinstance(metadata, dict) or "num_shards" not in metadata:
        raise damaged(path, "does not say how many shards there are")
    for name, hint in METADATA_TYPES.items():
        value = metadata.get(name)
        if not is_of_type(value, hint) or (value is not None and value <= 0):
            raise damaged(path, f"says {shown(value)} for `{name}`")
    return metadata


def frame_rate_of(metadata: dict[str, Any]) -> float | None:
    """The rate at which the clips of token files were sampled.

    Args:
        metadata (`dict[str, Any]`): what `read_metadata` gave.

    Returns:
        `float` or `None`: frames a second; None for still images, and where the files do not say.
    """
    return None if metadata.get("num_frames") == 1 else metadata.get("frame_rate")
