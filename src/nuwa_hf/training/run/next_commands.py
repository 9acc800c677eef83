# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which command follows which, on the way from clips to a model. Words in capitals are for the user to fill in."""

import logging
from collections.abc import Sequence
from pathlib import Path

from nuwa_hf.shell_words import shell_line
from nuwa_hf.training.run.run_arguments import RunArguments


logger = logging.getLogger(__name__)

BATCH_SIZE = RunArguments.train_batch_size  # of a run that is not told otherwise; it needs as many clips
PART = "PART"  # stands for a part of a data set that is streamed, which `nuwa-hf train-vqgan` does not do


def log_next(commands: Sequence[str]) -> None:
    """Logs what to type next.

    Args:
        commands (`Sequence[str]`): as the functions below give them.
    """
    logger.info("Next:%s", "".join(f"\n  {command}" for command in commands))


def data_flags(
    dataset: str | None, split: str = "train", *, streaming: bool = False, **others: str | None
) -> list[str]:
    """The flags by which a command is told of a data set.

    Args:
        dataset (`str`, *optional*): the data set; None for EmojiMotion.
        split (`str`, defaults to `"train"`): which part; the default needs no flag.
        streaming (`bool`, defaults to `False`): whether its rows are read one after another.
        others (`str`, *optional*): further flags, such as `caption_source`; None needs none.

    Returns:
        `list[str]`: words of a command line.
    """
    named = {"dataset": dataset, "dataset_split": None if split == "train" else split, **others}
    words = [word for name, value in named.items() if value is not None for word in (f"--{name}", value)]
    return [*words, "--streaming"] if streaming else words


def image_flags(dataset: str | None, split: str, *, streaming: bool, media_column: str | None) -> list[str]:
    """The flags by which `nuwa-hf train-vqgan` is told of a data set: of one that is streamed, of a part.

    Args:
        dataset (`str`, *optional*): the data set; None for EmojiMotion.
        split (`str`): which part of it.
        streaming (`bool`): whether its rows are read one after another.
        media_column (`str`, *optional*): its column of images or clips, if it was named.

    Returns:
        `list[str]`: words of a command line.
    """
    named = (PART,) if streaming else (dataset, split)
    return data_flags(*named, media_column=media_column)


def after_vqgan(
    codec: Path,
    *,
    dataset: str | None,
    split: str = "train",
    media_column: str | None = None,
    is_still: bool = False,
    is_of_sketches: bool,
    start: str | None = None,
) -> list[str]:
    """What follows `nuwa-hf train-vqgan`.

    Args:
        codec (`Path`): the folder that it wrote.
        dataset (`str`, *optional*): what it was trained on; None for EmojiMotion.
        split (`str`, defaults to `"train"`): which part of it.
        media_column (`str`, *optional*): its column of images or clips, if it was named.
        is_still (`bool`, defaults to `False`): whether it is one of still images.
        is_of_sketches (`bool`): whether it is a codec of sketches.
        start (`str`, *optional*): the pipeline whose codec it was.

    Returns:
        `list[str]`: commands.
    """
    flags = data_flags(dataset, split, media_column=media_column, num_frames="1" if is_still else None)
    data = "".join(f" {_quoted(word)}" for word in flags)
    if start is not None:
        name = "sketch_vqgan" if is_of_sketches else "vqgan"
        made_with = f"--checkpoint {_quoted(start)} --{name} {_quoted(codec)}"
        return [f"nuwa-hf tokenize {made_with}{data} --output_dir TOKENS"]
    codecs = f"--vqgan VQGAN --sketch_vqgan {_quoted(codec)}" if is_of_sketches else f"--vqgan {_quoted(codec)}"
    return [f"nuwa-hf tokenize {codecs} --tokenizer TOKENIZER{data} --output_dir TOKENS"]


def after_tokenizer(tokenizer: Path, data: Sequence[str], start: str | None = None) -> list[str]:
    """What follows `nuwa-hf train-tokenizer`.

    Args:
        tokenizer (`Path`): the folder that it wrote.
        data (`Sequence[str]`): the flags of the data whose captions it learnt; none for EmojiMotion.
        start (`str`, *optional*): the pipeline whose tokenizer it was.

    Returns:
        `list[str]`: commands.
    """
    checkpoint = [] if start is None else ["--checkpoint", start]
    made_with = [*checkpoint, "--vqgan", "VQGAN", "--tokenizer", str(tokenizer)]
    return [shell_line(["nuwa-hf", "tokenize", *made_with, *data, "--output_dir", "TOKENS"])]


def after_tokens(
    tokens: Path | str,
    *,
    num_clips: int,
    is_still: bool,
    checkpoint: str | None,
    vqgan: str | None,
    tokenizer: str | None,
    sketch_vqgan: str | None,
) -> list[str]:
    """What follows `nuwa-hf tokenize`.

    Args:
        tokens (`Path` or `str`): the folder that it wrote, or where it was copied to.
        num_clips (`int`): clips in it.
        is_still (`bool`): whether they are single images.
        checkpoint (`str`, *optional*): the pipeline that made them, or None for the parts:
        vqgan (`str`, *optional*): its codec.
        tokenizer (`str`, *optional*): its tokenizer.
        sketch_vqgan (`str`, *optional*): its codec of sketches.

    Returns:
        `list[str]`: commands.
    """
    parts = {"checkpoint": checkpoint, "vqgan": vqgan, "tokenizer": tokenizer, "sketch_vqgan": sketch_vqgan}
    made_with = " ".join(f"--{name} {_quoted(value)}" for name, value in parts.items() if value is not None)
    is_small = num_clips < BATCH_SIZE
    tasks = f" --tasks {'T2I' if is_still else 'T2V'}=1" if is_still or is_small else ""
    rows = f" --train_batch_size {num_clips}" if is_small else ""
    return [f"nuwa-hf train {made_with} --tokens {_quoted(tokens)}{tasks}{rows} --output_dir RUN"]


def after_training(pipeline: Path, *, tasks: Sequence[str], caption: str, adapter: Path | None) -> list[str]:
    """What follows `nuwa-hf train`.

    Args:
        pipeline (`Path`): the folder that it wrote.
        tasks (`Sequence[str]`): short names of what was trained, such as `"T2V"`.
        caption (`str`): one of the data; empty if it has none.
        adapter (`Path`, *optional*): the adapter's folder, with LoRA.

    Returns:
        `list[str]`: commands: one that uses the result, and those that push it.
    """
    text = f" {_quoted(caption)}" if caption else ""
    uses = {
        "T2V": f"text-to-video{text}",
        "T2I": f"text-to-image{text}",
        "V2V": "predict IMAGE",
        "TV2V": f"edit-video{text or ' TEXT'} CLIP",
        "TI2I": f"edit-image{text or ' TEXT'} IMAGE --mask MASK",
        "I2I": "complete IMAGE --mask MASK",
        "S2V": "sketch-to-video SKETCHES",
        "S2I": "sketch-to-image SKETCH",
    }
    use = next(words for task, words in uses.items() if task in tasks)
    folders = [pipeline] if adapter is None else [pipeline, adapter]
    return [
        f"nuwa-hf {use} --checkpoint {_quoted(pipeline)} --contact-sheet",
        *(f"nuwa-hf push {_quoted(folder)} USER/MODEL" for folder in folders),
    ]


def _quoted(word: str | Path) -> str:
    return shell_line([str(word)])
