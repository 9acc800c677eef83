# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf train-tokenizer`: learn a text tokenizer from EmojiMotion's captions or from a file of captions."""

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from nuwa_hf.datasets.emoji_motion import EmojiMotion
from nuwa_hf.datasets.settings import SETTINGS
from nuwa_hf.exit_status import exit_status
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.training.run.next_commands import after_tokenizer, log_next


logger = logging.getLogger(__name__)


def emoji_motion_captions(setting: str, num_captions: int, seed: int = 0) -> Iterator[str]:
    """Captions of the first samples of EmojiMotion's training split: each has one for the clip and one for a still
    frame.

    Args:
        setting (`str`): name of the EmojiMotion setting, for example `"small"`.
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


def file_captions(path: Path) -> Iterator[str]:
    """The non-empty lines of a UTF-8 text file, one caption each.

    Args:
        path (`Path`): the file.

    Yields:
        `str`: one caption after another.

    Raises:
        ValueError: If no file is at `path`.
    """
    if not path.is_file():
        raise ValueError(f"`captions` must name a text file with one caption a line, got {str(path)!r}.")
    with path.open(encoding="utf-8") as lines:
        yield from (line.strip() for line in lines if line.strip())


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = argparse.ArgumentParser(prog="nuwa-hf train-tokenizer", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--setting", choices=list(SETTINGS), default="small", help="EmojiMotion's setting")
    parser.add_argument("--num_captions", type=int, default=20000, help="samples of EmojiMotion to read")
    parser.add_argument("--captions", type=Path, metavar="FILE.txt", help="read this file instead, a caption a line")
    parser.add_argument("--vocab_size", type=int, default=512, help="largest vocabulary, special tokens included")
    parser.add_argument("--seed", type=int, default=0, help="seed of EmojiMotion")
    parser.add_argument("--output_dir", type=Path, required=True, help="where the tokenizer goes")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train a tokenizer and save it in `output_dir`.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        ValueError: If there are no captions, or the vocabulary cannot hold their characters.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    args = build_parser().parse_args(argv)
    if args.num_captions < 1:
        raise ValueError(f"`num_captions` must be at least 1, got {args.num_captions}.")
    if args.captions is None:
        captions = list(emoji_motion_captions(args.setting, args.num_captions, args.seed))
    else:
        captions = list(file_captions(args.captions))
    if not captions:
        raise ValueError(f"`captions` must hold at least one caption, got none in {str(args.captions)!r}.")
    tokenizer = NuwaTokenizer.train(captions, vocab_size=args.vocab_size)
    tokenizer.save_pretrained(args.output_dir)
    longest = max(len(ids) for ids in tokenizer(sorted(set(captions))).input_ids)
    logger.info(
        "%d captions, %d tokens in the vocabulary, longest caption %d tokens; saved in %s",
        len(captions),
        len(tokenizer),
        longest,
        args.output_dir,
    )
    log_next(after_tokenizer(args.output_dir))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
