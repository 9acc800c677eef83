# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Turn clips into token files: `nuwa-hf tokenize`."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from nuwa_hf.datasets import EmojiMotion, SpritePack, sketch_class_names
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.emoji_motion import FRAME_RATE
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.exit_status import exit_status
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.training.run.freed_memory import keep_freed_memory
from nuwa_hf.training.run.next_commands import after_tokens, log_next
from nuwa_hf.training.run.run_arguments import parse_arguments, require
from nuwa_hf.training.tokens.clip_tokens import Encoders, tokenize_rows
from nuwa_hf.training.tokens.token_files import METADATA_NAME, TokenFiles, fingerprints, read_metadata, write_metadata
from nuwa_hf.training.tokens.token_shards import ShardWriter
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments
from nuwa_hf.training.tokens.tokenize_processes import tokenize_on_processes


CLIPS_PER_SHARD = 2048
CLIPS_PER_BATCH = 32
FOUND_LATER = ("num_clips", "num_shards")  # of a streamed data set, whose rows are counted as they are read


@dataclass(frozen=True)
class IndexedClips:
    """A data set of clips that are made from their index, with the interface of one that is read.

    Args:
        dataset (`EmojiMotion`): the clips.
    """

    dataset: EmojiMotion

    @property
    def num_rows(self) -> int:
        """The number of clips."""
        return len(self.dataset)

    @property
    def reader(self) -> "IndexedClips":
        """The object that makes the samples: this one."""
        return self

    def rows(self, start: int) -> Iterator[tuple[int, Any]]:
        """Indices, twice: as row numbers and as rows."""
        return ((index, None) for index in range(start, len(self.dataset)))

    def read(self, number: int, row: None) -> dict[str, Any]:
        """The sample of an index."""
        return self.dataset[number]

    def name(self, number: int, row: None) -> str:
        """The name of a clip, for messages."""
        return f"clip {number}"


def emoji_clips(arguments: TokenizeArguments) -> tuple[IndexedClips, dict[str, Any]]:
    """EmojiMotion as configured by the arguments.

    Args:
        arguments (`TokenizeArguments`): the command's.

    Returns:
        `tuple[IndexedClips, dict[str, Any]]`: the clips, and their part of the metadata.
    """
    pack = SpritePack.drawn_shapes() if arguments.sprites == "shapes" else SpritePack.load()
    setting = SETTINGS[arguments.setting]
    if arguments.sprites == "shapes":
        setting = replace(setting, objects=None)  # a setting names emoji; with shapes, all are used
    clips = EmojiMotion(pack, setting=setting, split=arguments.split, seed=arguments.seed, length=arguments.num_clips)
    kept = ("setting", "sprites", "split", "num_clips", "seed")
    return IndexedClips(clips), {**{name: getattr(arguments, name) for name in kept}, "frame_rate": FRAME_RATE}


def captioned_clips(arguments: TokenizeArguments, encoders: Encoders) -> tuple[CaptionedMedia, dict[str, Any]]:
    """The data set that the arguments name, at the size of the codec.

    Args:
        arguments (`TokenizeArguments`): the command's.
        encoders (`Encoders`): give the size and the classes.

    Returns:
        `tuple[CaptionedMedia, dict[str, Any]]`: the clips, and what to remember about them.

    Raises:
        ValueError: If the data set cannot be opened, is empty, or lacks a column.
    """
    size = as_codec(encoders.vqgan).sample_size
    sketch_codec = None if encoders.sketch_vqgan is None else as_codec(encoders.sketch_vqgan)
    frame_rate = arguments.clip_rate()
    media = CaptionedMedia(
        open_dataset(arguments.dataset, split=arguments.dataset_split, streaming=arguments.streaming),
        height=size,
        width=size,
        num_frames=arguments.num_frames,
        frame_rate=frame_rate,
        media_column=arguments.media_column,
        caption_column=arguments.caption_column,
        sketch_column=None if sketch_codec is None else arguments.sketch_column or "sketch",
        num_classes=None if sketch_codec is None else sketch_codec.in_channels,
    )
    kept = ("dataset", "dataset_split", "streaming", "num_frames")
    return media, {
        **{name: getattr(arguments, name) for name in kept},
        "frame_rate": frame_rate,
        **{f"{name}_column": column for name, column in vars(media.reader.columns).items()},
        "num_rows": media.num_rows,
        "size": size,
    }


def check_sketch_vqgan(encoders: Encoders, has_emoji: bool) -> None:
    """Check that the codec of sketches fits the other codec and EmojiMotion's classes.

    Args:
        encoders (`Encoders`): both codecs.
        has_emoji (`bool`): whether the clips are EmojiMotion's.

    Raises:
        ValueError: If it does not.
    """
    if encoders.sketch_vqgan is None:
        return
    codec, sketch_codec = as_codec(encoders.vqgan), as_codec(encoders.sketch_vqgan)
    classes = sketch_codec.in_channels
    require(
        not has_emoji or classes == len(sketch_class_names),
        "sketch_vqgan",
        f"a codec of the {len(sketch_class_names)} classes of EmojiMotion's sketches",
        f"{classes} channels",
        "give the one trained on sketches",
    )
    require(
        sketch_codec.spatial_factor == codec.spatial_factor,
        "sketch_vqgan",
        f"a codec whose tokens are {codec.spatial_factor} pixels wide, as those of `vqgan`",
        sketch_codec.spatial_factor,
        "give one with as many levels",
    )


def no_clips(arguments: TokenizeArguments, encoders: Encoders) -> TokenFiles:
    """Tokens of zero clips, in the shapes that clips would have.

    Args:
        arguments (`TokenizeArguments`): give the frames.
        encoders (`Encoders`): give the grid and the length of texts.

    Returns:
        `TokenFiles`.
    """
    codec = as_codec(encoders.vqgan)
    grid = codec.grid(arguments.num_frames, codec.sample_size, codec.sample_size)
    visual = torch.zeros(0, *grid, dtype=torch.int32)
    text = torch.zeros(0, encoders.tokenizer.model_max_length, dtype=torch.int32)
    sketch = None if encoders.sketch_vqgan is None else visual
    return TokenFiles(visual, text, text, torch.zeros(0, dtype=torch.int32), sketch)


def prepare_folder(folder: Path, metadata: dict[str, Any]) -> None:
    """Create the folder of the token files, or check that its contents were made from the same things.

    Args:
        folder (`Path`): the folder.
        metadata (`dict[str, Any]`): what they are made from; `num_shards` is None if it is not known yet.

    Raises:
        ValueError: If it holds token files made from something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / METADATA_NAME).is_file():
        write_metadata(folder, metadata)
        return
    found = read_metadata(folder)
    later = FOUND_LATER if metadata["num_shards"] is None else ()
    other = sorted(name for name in {**found, **metadata}.keys() - set(later) if found.get(name) != metadata.get(name))
    if other:
        raise ValueError(
            f"`output_dir` must be a new folder or hold token files of the same arguments, got {str(folder)!r}, whose "
            f"{', '.join(other)} differ; use another."
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Write token files. Existing shards are kept, so a stopped run can continue.

    Args:
        argv (`Sequence[str]`, *optional*): flags of `TokenizeArguments`; by default those of the process.

    Raises:
        ValueError: If an argument is wrong, the data set is empty or has too many unusable rows, or the folder holds
            token files from other arguments, another codec or another tokenizer.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    arguments = parse_arguments(TokenizeArguments, argv)
    if arguments.device == "cpu":
        keep_freed_memory()
    folders = arguments.codec_folders()
    # With several processes, the codecs are used here only for their configuration.
    encoders = Encoders.load(**folders, device=arguments.device if arguments.num_proc == 1 else "cpu")
    check_sketch_vqgan(encoders, has_emoji=arguments.dataset is None)
    clips_per_shard = arguments.clips_per_shard or CLIPS_PER_SHARD
    made_with, skips = fingerprints(**vars(encoders)), {}
    if arguments.dataset is None:
        source, metadata = emoji_clips(arguments)
        cut = {} if arguments.clips_per_shard is None else {"clips_per_shard": clips_per_shard}
        num_shards = -(-arguments.num_clips // clips_per_shard)
        metadata = {**metadata, **made_with, **cut, "num_shards": num_shards}
    else:
        source, metadata = captioned_clips(arguments, encoders)
        metadata = {**metadata, **made_with, "clips_per_shard": clips_per_shard, "num_shards": None}
        skips = {"empty": no_clips(arguments, encoders), "max_skipped_share": arguments.max_skipped_share}
    folder = Path(arguments.output_dir)
    prepare_folder(folder, metadata)
    writer = ShardWriter(folder, source, clips_per_shard, CLIPS_PER_BATCH, **skips)
    if arguments.num_proc == 1:
        writer.write(partial(map, partial(tokenize_rows, encoders, source.reader)))
    else:
        del encoders
        processes = {"folders": folders, "device": arguments.device, "num_proc": arguments.num_proc}
        writer.write(partial(tokenize_on_processes, reader=source.reader, **processes))
    parts = ("checkpoint", "vqgan", "tokenizer", "sketch_vqgan")
    log_next(after_tokens(folder, **{name: getattr(arguments, name) for name in parts}))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
