# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Look at a data set: `nuwa-hf inspect`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from nuwa_hf.command_logs import silenced
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.clip_windows import ClipWindows
from nuwa_hf.datasets.find_columns import usable_caption_source
from nuwa_hf.datasets.media_census import MediaCensus
from nuwa_hf.datasets.moving_mnist import DIGIT_COUNTS
from nuwa_hf.datasets.open_dataset import open_with_left_out
from nuwa_hf.exit_status import CommandParser, add_verbose, exit_status
from nuwa_hf.media import write_png
from nuwa_hf.media.whole_files import check_can_be_written
from nuwa_hf.modeling.codec import as_codec, load_codec
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer, load_text_tokenizer
from nuwa_hf.storage.find_checkpoint import EMBEDDED, find_checkpoint, find_codecs
from nuwa_hf.training.run.next_commands import data_flags
from nuwa_hf.training.run.run_arguments import require_defaults
from nuwa_hf.training.tokens.caption_tokens import caption_lengths, caption_losses
from nuwa_hf.training.tokens.clip_sheet import clip_sheet
from nuwa_hf.training.tokens.codec_judgement import judge_codec
from nuwa_hf.training.tokens.inspect_moving_mnist import OF_FILES, inspect_moving_mnist
from nuwa_hf.training.tokens.inspection import Inspection


JUDGED_CLIPS = 8


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = CommandParser(
        prog="nuwa-hf inspect",
        description="Look at a folder or another data set of images or clips: what is in it, what would be left out, "
        "how many samples it gives, how well a codec draws it, and which command comes next.",
    )
    parser.add_argument("dataset", metavar="DATA", help="a folder, a file of rows, a Hub id, or moving-mnist")
    parser.add_argument("--dataset_split", default="train", help="split of the data set")
    parser.add_argument("--streaming", action="store_true", help="read its rows without preparing them first")
    parser.add_argument("--media_column", help="column of images or clips; by default the only one")
    parser.add_argument("--caption_column", help="column of captions; by default the one called so")
    parser.add_argument(
        "--caption_source",
        choices=("auto", "folder", "none"),
        default="auto",
        help="captions from a column, from the names of sub-folders, or none",
    )
    parser.add_argument("--checkpoint", help=f"whose codec, tokenizer, frames and rate; by default {EMBEDDED!r}")
    parser.add_argument("--vqgan", help="another codec: a folder, or a Hub id")
    parser.add_argument("--tokenizer", help="another text tokenizer, likewise")
    parser.add_argument("--num_frames", type=int, help="frames of a sample; by default the checkpoint's, else 10")
    parser.add_argument("--frame_rate", type=float, help="frames a second; by default the checkpoint's, else 2.5")
    parser.add_argument("--clips_per_video", type=int, help="samples of a long clip, as for tokenize")
    parser.add_argument("--stride", type=float, help="seconds between their starts, as for tokenize")
    parser.add_argument(
        "--output", type=Path, metavar="SHEET.png", help="draw some clips with their captions, lengths and rates"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_verbose(parser)
    return parser


def inspect_dataset(args: argparse.Namespace) -> Inspection:
    """Look at a data set.

    Args:
        args (`argparse.Namespace`): those of the command.

    Returns:
        `Inspection`.

    Raises:
        ValueError: If an argument is wrong, or the data set cannot be opened.
        OSError: If the checkpoint is not there.
    """
    if args.dataset in DIGIT_COUNTS:
        require_defaults(build_parser(), args, OF_FILES, f"left out with {args.dataset}, which lies in no files")
    windows = ClipWindows(args.clips_per_video, args.stride)
    checkpoint = args.checkpoint or EMBEDDED
    folders = find_codecs(checkpoint if _uses_checkpoint(args) else None, vqgan=args.vqgan, tokenizer=args.tokenizer)
    vqgan, tokenizer = load_codec(folders["vqgan"]).eval(), load_text_tokenizer(folders["tokenizer"])
    if args.dataset in DIGIT_COUNTS:
        names = {"codec": args.vqgan or checkpoint, "tokenizer": args.tokenizer or checkpoint}
        return inspect_moving_mnist(args, vqgan, tokenizer, names, JUDGED_CLIPS)
    learnt = NuwaConfig()
    if _uses_checkpoint(args):
        learnt = NuwaConfig.from_pretrained(find_checkpoint(checkpoint), subfolder="transformer")
    frame_rate = learnt.frame_rate if args.frame_rate is None else args.frame_rate
    rows, left_out = open_with_left_out(args.dataset, split=args.dataset_split, streaming=args.streaming)
    source = args.caption_source
    if source == "auto" and args.caption_column is None and rows.features is not None:
        source = usable_caption_source(rows.features)
    size = as_codec(vqgan).sample_size
    media = CaptionedMedia(
        rows,
        height=size,
        width=size,
        num_frames=1 if args.num_frames is None else args.num_frames,
        frame_rate=frame_rate,
        media_column=args.media_column,
        caption_column=args.caption_column,
        caption_source=source,
        windows=windows,
    )
    columns, census, names, captions = media.reader.columns, MediaCensus(), {}, {}
    for number, row in tqdm(media.rows(0), total=media.num_rows, unit="clip", desc="Looking", disable=None):
        names[number] = media.reader.name(number, row)
        census.add(number, names[number], row[columns.media])
        captions[number] = columns.caption_of(row)
    if args.num_frames is None:
        has_clips = census.stills < len(census.clips)
        media.reader = replace(media.reader, num_frames=learnt.get_visual_grid().t if has_clips else 1)
    flags = {"media_column": args.media_column, "caption_column": args.caption_column}
    flags["caption_source"] = None if source == "auto" else source
    lengths, facts = caption_lengths(tokenizer, captions), {clip.row: clip for clip in census.clips}
    captions_from = {
        "auto": f"in the column {columns.caption}",
        "folder": "the names of sub-folders",
        "none": "none are read",
    }
    return Inspection(
        dataset=args.dataset,
        dataset_split=args.dataset_split,
        streaming=args.streaming,
        media_column=args.media_column,
        flags=tuple(data_flags(None, **flags)),
        codec=args.vqgan or checkpoint,
        tokenizer=args.tokenizer or checkpoint,
        tokenize_flags=_tokenize_flags(args, media.reader.num_frames),
        caption_source=captions_from[source],
        census=census,
        left_out=tuple(left_out),
        captions=caption_losses(tokenizer, zip(names.values(), captions.values(), strict=True)),
        caption_lengths=lengths,
        max_tokens=tokenizer.model_max_length,
        adds_words=isinstance(tokenizer, NuwaTokenizer),
        names_tokenizer=args.tokenizer is not None,
        windows=windows,
        num_frames=media.reader.num_frames,
        frame_rate=frame_rate,
        judgement=judge_codec(vqgan, media, JUDGED_CLIPS),
        sheet=None if args.output is None else clip_sheet(media, vqgan, facts, lengths),
        has_sketches=media.has_sketches,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Look at a data set, and print what it is like and which command comes next.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        OSError: If the checkpoint is not there, or the sheet cannot be written.
        ValueError: If an argument is wrong, or the data set cannot be opened.
    """
    args = build_parser().parse_args(argv)
    if args.output is not None:
        check_can_be_written(args.output)
    with silenced("nuwa_hf"):  # all that is warned of stands in the report
        found = inspect_dataset(args)
    if found.sheet is not None:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        write_png(found.sheet, args.output)
    text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False) if args.json else found.text()
    sys.stdout.write(f"{text}\n")


def _uses_checkpoint(args: argparse.Namespace) -> bool:
    """Whether something is left for the checkpoint to say: it is named, or one of codec and tokenizer is not."""
    return args.checkpoint is not None or args.vqgan is None or args.tokenizer is None


def _tokenize_flags(args: argparse.Namespace, num_frames: int) -> tuple[str, ...]:
    values = {name: getattr(args, name) for name in ("vqgan", "tokenizer", "frame_rate", "clips_per_video", "stride")}
    if _uses_checkpoint(args):
        values = {"checkpoint": args.checkpoint or EMBEDDED, **values}
    values["num_frames"] = num_frames if num_frames == 1 else args.num_frames
    return tuple(word for name, value in values.items() if value is not None for word in (f"--{name}", str(value)))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
