# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Token files: a data set encoded once as visual tokens and text tokens, for training the transformer.

Legend: C clips, T, h, w token grid of a clip, L text length.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from nuwa_hf.media.whole_files import written_aside


METADATA_NAME = "token_files.json"


@dataclass(frozen=True)
class TokenFiles:
    """Clips as tokens, in memory.

    Args:
        video_tokens (`torch.IntTensor` of shape `(C, T, h, w)`): visual tokens of every frame.
        caption_ids (`torch.IntTensor` of shape `(C, L)`): text tokens of the clip, padded on the right.
        image_caption_ids (`torch.IntTensor` of shape `(C, L)`): text tokens of one still frame, padded on the right.
        image_indices (`torch.IntTensor` of shape `(C,)`): which frame that is, in [0, T).
        sketch_tokens (`torch.IntTensor` of shape `(C, T, h, w)`, *optional*): sketch tokens of every frame.
        source_rows (`torch.IntTensor` of shape `(C,)`, *optional*): the row of the data set that each comes from,
            where a row may give several.
    """

    video_tokens: torch.Tensor
    caption_ids: torch.Tensor
    image_caption_ids: torch.Tensor
    image_indices: torch.Tensor
    sketch_tokens: torch.Tensor | None = None
    source_rows: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.video_tokens)

    def where(self, is_kept: torch.Tensor) -> "TokenFiles":
        """Some of the clips.

        Args:
            is_kept (`torch.BoolTensor` of shape `(C,)`): which.

        Returns:
            `TokenFiles`.
        """
        return TokenFiles(**{name: None if value is None else value[is_kept] for name, value in vars(self).items()})

    @classmethod
    def load(cls, folder: str | Path) -> "TokenFiles":
        """Read every shard of a folder.

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
        missing = [index for index in range(num_shards) if not shard_path(folder, index).is_file()]
        if missing:
            raise ValueError(
                f"`tokens` must hold all of their {num_shards} shards, got {num_shards - len(missing)} in "
                f"{str(folder)!r}; run `nuwa-hf tokenize` again with the same arguments to write the rest."
            )
        shards = []
        for index in range(num_shards):
            path = shard_path(folder, index)
            with _opened(path) as file:
                shards.append({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (no iterator)
            if shards[-1].keys() != shards[0].keys() or "video_tokens" not in shards[-1]:
                raise _damaged(path, f"holds only {', '.join(sorted(shards[-1]))}")
        return cls(**{name: torch.cat([shard[name] for shard in shards]) for name in shards[0]})


def join_tokens(parts: Sequence[TokenFiles]) -> TokenFiles:
    """The clips of several parts, in order.

    Args:
        parts (`Sequence[TokenFiles]`): at least one; all have sketches, or none has.

    Returns:
        `TokenFiles`.
    """
    names = [name for name, column in vars(parts[0]).items() if column is not None]
    return TokenFiles(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def shard_path(folder: Path, index: int) -> Path:
    """The path of a shard."""
    return folder / f"tokens-{index:05d}.safetensors"


def write_shard(folder: Path, index: int, tokens: TokenFiles, info: dict[str, Any] | None = None) -> None:
    """Write one shard, with information about how it was made. It is whole or not there.

    Args:
        folder (`Path`): the folder of the shards.
        index (`int`): its number.
        tokens (`TokenFiles`): its content.
        info (`dict[str, Any]`, *optional*): what `read_shard_infos` gives back.

    Raises:
        OSError: If it cannot be written, for example because the disk is full.
    """
    tensors = {name: tensor.contiguous() for name, tensor in vars(tokens).items() if tensor is not None}
    with written_aside(shard_path(folder, index)) as aside:
        try:
            save_file(tensors, aside, None if info is None else {"info": json.dumps(info)})
        except SafetensorError as error:
            raise OSError(str(error)) from error


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
    for path in sorted(folder.glob("tokens-*.safetensors")):
        with _opened(path) as file:
            text = (file.metadata() or {}).get("info")
        infos[int(path.stem.removeprefix("tokens-"))] = None if text is None else json.loads(text)
    return infos


def read_video_tokens(folder: Path) -> Iterator[torch.Tensor]:
    """The visual tokens of a folder, one shard after another.

    Args:
        folder (`Path`): the folder of the shards.

    Yields:
        `torch.IntTensor` of shape `(C, T, h, w)`.

    Raises:
        ValueError: If a shard is damaged.
    """
    for path in sorted(folder.glob("tokens-*.safetensors")):
        with _opened(path) as file:
            yield file.get_tensor("video_tokens")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    except SafetensorError as error:
        raise _damaged(path, f"cannot be read: {error}") from error


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(
        f"`tokens` must be whole, got {str(path)!r}, which {reason}; delete that file and run `nuwa-hf tokenize` "
        "again with the same arguments, which writes it anew."
    )


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
    except ValueError as error:
        raise _damaged(path, f"is no JSON ({error})") from error
    if not isinstance(metadata, dict) or "num_shards" not in metadata:
        raise _damaged(path, "does not say how many shards there are")
    return metadata


def frame_rate_of(metadata: dict[str, Any]) -> float | None:
    """The rate at which the clips of token files were sampled.

    Args:
        metadata (`dict[str, Any]`): what `read_metadata` gave.

    Returns:
        `float` or `None`: frames a second; None for still images, and where the files do not say.
    """
    return None if metadata.get("num_frames") == 1 else metadata.get("frame_rate")
