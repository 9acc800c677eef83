# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf train-tokenizer`: learn a text tokenizer from the captions of EmojiMotion, of a data set or of a file."""

import argparse
import json
import logging
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import datasets
from tqdm import tqdm

from nuwa_hf.datasets.emoji_motion import EmojiMotion
from nuwa_hf.datasets.find_columns import Columns, find_columns
from nuwa_hf.datasets.metadata_rows import is_row_file, read_text
from nuwa_hf.datasets.moving_mnist import DIGIT_COUNTS, caption_of, combinations, image_caption_of
from nuwa_hf.datasets.open_dataset import open_dataset
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.datasets.still_rows import is_of_stills
from nuwa_hf.datasets.undecoded_rows import without_decoding
from nuwa_hf.exit_status import CommandParser, add_verbose, exit_status
from nuwa_hf.modeling.tokenization_nuwa import SMALLEST_VOCABULARY, NuwaTokenizer, load_text_tokenizer
from nuwa_hf.storage.find_checkpoint import find_part, is_pipeline
from nuwa_hf.training.run.next_commands import after_tokenizer, data_flags, log_next
from nuwa_hf.training.run.run_arguments import require_defaults
from nuwa_hf.training.tokens.caption_tokens import caption_lengths


logger = logging.getLogger(__name__)

VOCAB_SIZE = 512  # of a tokenizer that is learnt from nothing
OF_EMOJI_MOTION = ("setting", "num_captions", "seed")
OF_DATASETS = ("dataset_split", "streaming", "media_column", "caption_column", "caption_source")
DATA_SET_ENDINGS = (".json", ".jsonl", ".csv", ".tsv", ".parquet", ".arrow")
Rows = datasets.Dataset | datasets.IterableDataset


def emoji_motion_captions(setting: str, num_captions: int, seed: int = 0) -> Iterator[str]:
    """Captions of the first samples of EmojiMotion's training split: each has one for the clip and one for a still
    frame.

    Args:
        setting (`str`): name of the EmojiMotion setting, for example `"small-128"`.
        num_captions (`int`): samples to read; each gives two captions.
        seed (`int`, *optional*, defaults to 0): seed of the data set.

    Yields:
        `str`: one caption after another.
    """
    samples = EmojiMotion(setting=setting, split="train", seed=seed)
    for index in range(num_captions):
        sample = samples[index]
        yield sample["caption"]
        yield sample["image_caption"]


def moving_mnist_captions(name: str) -> Iterator[str]:
    """All captions of Moving MNIST's training split, each once: of clips, and of still frames.

    Args:
        name (`str`): a key of `DIGIT_COUNTS`.

    Yields:
        `str`: one caption after another.
    """
    for count in DIGIT_COUNTS[name]:
        for pairs in combinations(count, held_out=False):
            yield caption_of(pairs)
            yield image_caption_of(pairs)


def dataset_captions(rows: Rows, columns: Columns) -> Iterator[str]:
    """The captions of a data set, as `nuwa-hf tokenize` reads them. Its images and clips are not read.

    Args:
        rows (`datasets.Dataset` or `datasets.IterableDataset`): one split.
        columns (`Columns`): what is read of it, captions among them.

    Yields:
        `str`: one caption after another; rows without one are left out.
    """
    for row in without_decoding(rows).select_columns([columns.caption]):
        caption = columns.caption_of(row)
        if caption is not None:
            yield caption


def file_captions(path: Path) -> Iterator[str]:
    """The non-empty lines of a UTF-8 text file, one caption each.

    Args:
        path (`Path`): the file.

    Yields:
        `str`: one caption after another.

    Raises:
        ValueError: If no file is at `path`, or it is no plain text in UTF-8.
    """
    if not path.is_file():
        raise ValueError(
            f"`captions` must name a text file with one caption a line, got {str(path)!r}; check the path."
        )
    if path.suffix.lower() in DATA_SET_ENDINGS:
        raise _has_rows(path)
    text = read_text(path, "captions")
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]  # splitlines cuts at other signs too
    if lines and _is_json(lines[0]):
        raise _has_rows(path)
    yield from lines


def _has_rows(path: Path) -> ValueError:
    remedy = "write one caption a line"
    if is_row_file(path):
        remedy = f"use `--dataset {path}`, which reads its captions only, or {remedy}"
    return ValueError(
        f"`captions` must name a text file with one caption a line, got {str(path)!r}, which has rows with columns; "
        f"{remedy}."
    )


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except ValueError:
        return False


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = CommandParser(
        prog="nuwa-hf train-tokenizer",
        description="Learn a text tokenizer from the captions of EmojiMotion, of a data set or of a file.",
    )
    parser.add_argument("--setting", choices=list(SETTINGS), default="small-128", help="EmojiMotion's setting")
    parser.add_argument("--num_captions", type=int, default=20000, help="samples of EmojiMotion to read")
    parser.add_argument("--captions", type=Path, metavar="FILE.txt", help="read this file instead, a caption a line")
    parser.add_argument("--dataset", help="or of this data set: a folder, a file, a Hub id, or moving-mnist")
    parser.add_argument("--dataset_split", default="train", help="split of the data set")
    parser.add_argument("--streaming", action="store_true", help="read its rows without preparing them first")
    parser.add_argument("--media_column", help="its column of images or clips; by default the only one")
    parser.add_argument("--caption_column", help="its column of captions; by default the one called so")
    parser.add_argument(
        "--caption_source",
        choices=("auto", "folder"),
        default="auto",
        help="captions from a column, or from the names of sub-folders",
    )
    parser.add_argument(
        "--tokenizer", help="add to the tokens of this one: a folder, a Hub id, a checkpoint or 'embedded'"
    )
    parser.add_argument(
        "--vocab_size",
        type=int,
        help=f"largest vocabulary, special tokens included; by default {VOCAB_SIZE}, with --tokenizer 49408",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of EmojiMotion")
    parser.add_argument("--output_dir", type=Path, required=True, help="where the tokenizer goes")
    add_verbose(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train a tokenizer and save it in `output_dir`.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        OSError: If the tokenizer cannot be written, for example because the disk is full.
        ValueError: If an argument is wrong or is one that captions of this source do not have, there are no captions,
            or the vocabulary cannot hold their characters.
    """
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.num_captions < 1:
        raise ValueError(f"`num_captions` must be at least 1, got {args.num_captions}.")
    _check_source(parser, args)
    start = None if args.tokenizer is None else _start(args.tokenizer)
    _check_vocab_size(args.vocab_size, start)
    is_emoji_motion = args.captions is None and args.dataset is None
    opened = _open(args)
    is_still = opened is not None and is_of_stills(opened[0], opened[1].media)
    total = 2 * args.num_captions if is_emoji_motion else None
    captions = list(tqdm(_captions(args, opened), total=total, desc="Reading", unit="caption", disable=None))
    if not captions:
        source = str(args.captions or args.dataset)
        raise ValueError(f"`captions` must hold at least one caption, got none in {source!r}; add some.")
    if start is None:
        tokenizer = NuwaTokenizer.train(captions, VOCAB_SIZE if args.vocab_size is None else args.vocab_size)
    else:
        tokenizer = start.extend(captions, **({} if args.vocab_size is None else {"vocab_size": args.vocab_size}))
    tokenizer.save_pretrained(args.output_dir)
    longest = max(caption_lengths(tokenizer, dict(enumerate(set(captions)))).values())
    logger.info(
        "%d captions, %d tokens in the vocabulary, longest caption %d tokens; saved in %s",
        len(captions),
        len(tokenizer),
        longest,
        args.output_dir,
    )
    pipeline = args.tokenizer if args.tokenizer is not None and is_pipeline(args.tokenizer) else None
    log_next(after_tokenizer(args.output_dir, _data_flags(parser, args, is_still), pipeline))


def _start(name: str) -> NuwaTokenizer:
    start = load_text_tokenizer(find_part(name, "tokenizer"))
    if not isinstance(start, NuwaTokenizer):
        raise ValueError(f"`tokenizer` must be a NuwaTokenizer to be added to, got {type(start).__name__}.")
    return start


def _check_vocab_size(vocab_size: int | None, start: NuwaTokenizer | None) -> None:
    """What can be known of it before any caption is read."""
    least = SMALLEST_VOCABULARY if start is None else start.vocab_size
    if vocab_size is not None and vocab_size < least:
        held = "special tokens and ASCII characters" if start is None else "those of `tokenizer`"
        raise ValueError(f"`vocab_size` must be at least {least} ({held}), got {vocab_size}; give more.")


def _check_source(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if args.captions is not None and args.dataset is not None:
        raise ValueError(f"`captions` must be left out with `dataset`, got {str(args.captions)!r}; drop one of them.")
    unread, rule = OF_DATASETS, "left out without `dataset`"
    if args.captions is not None:
        unread, rule = (*OF_EMOJI_MOTION, *OF_DATASETS), "left out with `captions`"
    elif args.dataset is not None:
        others = OF_DATASETS if args.dataset in DIGIT_COUNTS else ()
        unread, rule = (*OF_EMOJI_MOTION, *others), f"left out with `dataset` {args.dataset}"
    require_defaults(parser, args, unread, rule)


def _open(args: argparse.Namespace) -> tuple[Rows, Columns] | None:
    """The data set and its columns; None where captions come from elsewhere."""
    if args.dataset is None or args.dataset in DIGIT_COUNTS:
        return None
    rows = open_dataset(args.dataset, split=args.dataset_split, streaming=args.streaming)
    features = rows.features or dict.fromkeys(next(islice(rows, 1), {}))
    named = {"media": args.media_column, "caption": args.caption_column}
    return rows, find_columns(features, **named, caption_source=args.caption_source)


def _captions(args: argparse.Namespace, opened: tuple[Rows, Columns] | None) -> Iterator[str]:
    if opened is not None:
        return dataset_captions(*opened)
    if args.captions is not None:
        return file_captions(args.captions)
    if args.dataset is None:
        return emoji_motion_captions(args.setting, args.num_captions, args.seed)
    return moving_mnist_captions(args.dataset)


def _data_flags(parser: argparse.ArgumentParser, args: argparse.Namespace, is_still: bool) -> list[str]:
    """How `nuwa-hf tokenize` is told of the same data; of captions alone, the user has to name the clips."""
    if args.captions is not None:
        return ["--dataset", "CLIPS"]
    names = ("setting", "seed", "media_column", "caption_column", "caption_source")
    given = {name: str(getattr(args, name)) for name in names if getattr(args, name) != parser.get_default(name)}
    frames = "1" if is_still else None
    return data_flags(args.dataset, args.dataset_split, streaming=args.streaming, **given, num_frames=frames)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
