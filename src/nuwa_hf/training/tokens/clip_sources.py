# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The clips that `nuwa-hf tokenize` reads: EmojiMotion's, Moving MNIST's, or those of a data set."""

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from nuwa_hf.datasets import DigitPack, EmojiMotion, SpritePack, sketch_class_names
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.clip_windows import ClipWindows
from nuwa_hf.datasets.emoji_motion import FRAME_RATE
from nuwa_hf.datasets.find_columns import SKETCH_COLUMN
from nuwa_hf.datasets.indexed_clips import IndexedClips
from nuwa_hf.datasets.left_out import LeftOut
from nuwa_hf.datasets.moving_mnist import open_moving_mnist
from nuwa_hf.datasets.open_dataset import open_with_left_out
from nuwa_hf.datasets.repeated_media import repeated_media
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.modeling.codec import as_codec
from nuwa_hf.storage.portable_names import portable_name
from nuwa_hf.training.run.run_arguments import require
from nuwa_hf.training.tokens.clip_tokens import Encoders
from nuwa_hf.training.tokens.tokenize_arguments import TokenizeArguments


logger = logging.getLogger(__name__)

REPEATS_MEDIA = "repeats_media"  # in the metadata where `source_rows` are the same for all rows of an image or clip
DATASET_NAME = "dataset_name"  # in the metadata: what others may call the data set, for the cards of models


def name_of_dataset(dataset: str | None, setting: str) -> str:
    """What to call a data set where others read it.

    Args:
        dataset (`str`, *optional*): as the command was given it; None for EmojiMotion.
        setting (`str`): of EmojiMotion.

    Returns:
        `str`: the id of one on the Hub; of a folder or a file its own name alone; of a URL no key to it.
    """
    if dataset is None:
        return f"EmojiMotion ({setting})"
    if "://" not in dataset:
        return portable_name(dataset) or Path(dataset).expanduser().resolve().name
    on_hub = re.match(r"hf://datasets/([^/@]+/[^/@]+)", dataset)
    return on_hub[1] if on_hub else re.sub(r"//[^/@]*@", "//", dataset.partition("?")[0])


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


def moving_mnist_clips(arguments: TokenizeArguments) -> tuple[IndexedClips, dict[str, Any]]:
    """Moving MNIST as configured by the arguments.

    Args:
        arguments (`TokenizeArguments`): the command's.

    Returns:
        `tuple[IndexedClips, dict[str, Any]]`: the clips, and their part of the metadata.

    Raises:
        ValueError: If the package of the digits is not installed.
    """
    pack = DigitPack.drawn() if arguments.sprites == "shapes" else DigitPack.load()
    named = {"split": arguments.split, "seed": arguments.seed, "length": arguments.num_clips}
    clips = IndexedClips(open_moving_mnist(arguments.dataset, pack=pack, **named))
    kept = ("dataset", "sprites", "split", "num_clips", "seed")
    metadata = {name: getattr(arguments, name) for name in kept}
    return clips, {**metadata, "frame_rate": clips.clip_size["frame_rate"]}


def captioned_clips(
    arguments: TokenizeArguments, encoders: Encoders
) -> tuple[CaptionedMedia, dict[str, Any], list[LeftOut]]:
    """The data set that the arguments name, at the size of the codec.

    Args:
        arguments (`TokenizeArguments`): the command's.
        encoders (`Encoders`): give the size and the classes.

    Returns:
        `tuple[CaptionedMedia, dict[str, Any], list[LeftOut]]`: the clips, what to remember about them, and the files
            of a local folder that are none.

    Raises:
        ValueError: If the data set cannot be opened, is empty, or lacks a column.
    """
    size = as_codec(encoders.vqgan).sample_size
    sketch_codec = None if encoders.sketch_vqgan is None else as_codec(encoders.sketch_vqgan)
    windows, crops = arguments.windows(), arguments.crops()
    sampling = {"num_frames": arguments.clip_frames(), "frame_rate": arguments.clip_rate()}
    rows, left_out = open_with_left_out(
        arguments.dataset, split=arguments.dataset_split, streaming=arguments.streaming
    )
    media = CaptionedMedia(
        rows,
        height=size,
        width=size,
        **sampling,
        media_column=arguments.media_column,
        caption_column=arguments.caption_column,
        caption_source=arguments.caption_source,
        sketch_column=None if sketch_codec is None else arguments.sketch_column or SKETCH_COLUMN,
        num_classes=None if sketch_codec is None else sketch_codec.in_channels,
        windows=windows,
        crops=crops,
    )
    columns = media.reader.columns
    if sketch_codec is None and media.has_sketches:
        logger.warning(
            "The sketches of the column %r are left out, so no task with a sketch can be learnt from these tokens; "
            "give a codec of sketches as `--sketch_vqgan` to have them.",
            SKETCH_COLUMN,
        )
    first_rows = repeated_media(rows, columns.media)
    media.reader = replace(media.reader, first_rows=first_rows)
    kept = ("dataset", "dataset_split", "streaming")
    metadata = {
        **{name: getattr(arguments, name) for name in kept},
        **sampling,
        **{f"{name}_column": getattr(columns, name) for name in ("media", "caption", "sketch")},
        # Only where they are not the defaults, so that folders of earlier versions go on.
        **({} if windows == ClipWindows() else vars(windows)),
        **({} if crops.is_middle_only else vars(crops)),
        **({} if first_rows is None else {REPEATS_MEDIA: True}),
        "num_rows": media.num_rows,
        "size": size,
        "dataset_digest": media.digest,
    }
    return media, metadata, left_out


def check_sketch_vqgan(encoders: Encoders, has_emoji: bool) -> None:
    """Check that the codec of sketches fits EmojiMotion's classes.

    Args:
        encoders (`Encoders`): the codecs.
        has_emoji (`bool`): whether the clips are EmojiMotion's.

    Raises:
        ValueError: If it does not.
    """
    if encoders.sketch_vqgan is None:
        return
    classes = as_codec(encoders.sketch_vqgan).in_channels
    require(
        not has_emoji or classes == len(sketch_class_names),
        "sketch_vqgan",
        f"a codec of the {len(sketch_class_names)} classes of EmojiMotion's sketches",
        f"{classes} channels",
        "give the one trained on sketches",
    )
