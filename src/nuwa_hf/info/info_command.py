# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf info`: say what a checkpoint can do, how large it is, and how good."""

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import islice

from nuwa_hf.exit_status import CommandParser, add_verbose, exit_status
from nuwa_hf.hub.pushed_files import CARD
from nuwa_hf.info.checkpoint_info import CheckpointInfo, checkpoint_info
from nuwa_hf.info.part_facts import PartFacts
from nuwa_hf.tasks import TASKS, get_task


LABEL_WIDTH = 15
MOST_TABLES = 4
MEGABYTE = 1e6


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = CommandParser(
        prog="nuwa-hf info",
        description="Say what a checkpoint is, which tasks it has learnt, its sizes, its scores, and the memory that "
        "a call takes. Its weights are neither loaded nor downloaded.",
        epilog="example: nuwa-hf info embedded",
    )
    parser.add_argument(
        "checkpoint",
        metavar="DIR|ID",
        help="a pipeline, a transformer, a codec, a tokenizer or a LoRA adapter: a folder, a Hub id, or embedded",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_verbose(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print what is known of a checkpoint.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        ValueError: If it is no checkpoint.
        OSError: If it is not there, or incomplete.
    """
    args = build_parser().parse_args(argv)
    info = checkpoint_info(args.checkpoint)
    sys.stdout.write(f"{json.dumps(info.to_dict(), indent=2) if args.json else info_text(info)}\n")


def info_text(info: CheckpointInfo) -> str:
    """What is known of a checkpoint, in lines with aligned columns.

    Args:
        info (`CheckpointInfo`): the checkpoint.

    Returns:
        `str`: the lines.
    """
    place = {"embedded": info.folder, "folder": "a folder", "hub": "on the Hub"}[info.where]
    lines = [f"{info.name} ({place}): {_article(info.kind)} {info.kind}, loaded by {info.class_name}", ""]
    facts = [*_tasks(info), *_video(info)]
    facts += [(name, _part(part)) for name, part in info.parts.items()]
    facts += [("size", _size(info)), *_memory(info), *_scores(info)]
    lines += [f"  {label:<{LABEL_WIDTH}}{words}".rstrip() for label, words in facts]
    return "\n".join(lines)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _tasks(info: CheckpointInfo) -> list[tuple[str, str]]:
    if not info.possible_tasks:
        return []
    tasks = info.possible_tasks if info.learnt_tasks is None else info.learnt_tasks
    names = ", ".join(get_task(task).name for task in tasks)
    if info.learnt_tasks is None:
        return [("tasks", f"{names}; it does not say which it has learnt")]
    return [("tasks", f"all eight: {names}" if len(tasks) == len(TASKS) else names or "none")]


def _video(info: CheckpointInfo) -> list[tuple[str, str]]:
    if info.grid is None:
        return []
    grid, rate = info.grid, info.parts["transformer"].values["frame_rate"]
    tokens = f"{grid.t} x {grid.h} x {grid.w} tokens"
    speed = "" if rate is None else f" at {rate:g} a second"
    if info.video is None:
        return [("grid", f"{tokens}, {grid.t} frames{speed}")]
    words = f"{grid.t} frames of {info.video['height']} x {info.video['width']} pixels{speed}"
    return [("video", f"{words}, longer ones in parts"), ("grid", tokens)]


def _part(part: PartFacts) -> str:
    values = part.values
    if part.kind == "tokenizer":
        return f"{part.class_name}, {values['vocab_size']:,} text tokens, texts of at most {values['max_text_length']}"
    size = _millions(part.parameters) + ("" if part.weight_bytes is None else f", {_megabytes(part.weight_bytes)}")
    if part.kind == "adapter":
        modules = ", ".join(values["target_modules"])
        base = values["base_model"] or "a model that it does not name"
        return f"{size}, rank {values['rank']}, alpha {values['alpha']}, on {modules} of {base}"
    if part.kind == "codec":
        side = values["spatial_factor"]
        learnt = f"learnt at {values['sample_size']} x {values['sample_size']}"
        return (
            f"{part.class_name}, {size}: {values['codebook_size']:,} codes, each for {side} x {side} pixels, {learnt}"
        )
    layers = f"{values['num_encoder_layers']} + {values['num_decoder_layers']} layers of width {values['hidden_size']}"
    kind = "8-bit weights" if values["is_quantized"] else values["dtype"]
    return f"{size} ({kind}): {layers}, window {' x '.join(map(str, values['window']))}"


def _size(info: CheckpointInfo) -> str:
    count = sum(part.parameters for part in info.parts.values())
    disk = "size on the Hub not known" if info.total_bytes is None else f"{_megabytes(info.total_bytes)} on disk"
    return f"{_millions(count)}, {disk}"


def _memory(info: CheckpointInfo) -> list[tuple[str, str]]:
    if not info.memory:
        return []
    video, image = info.memory["video"], info.memory["image"]
    parts = f"{_megabytes(video.weights)} of weights, {_megabytes(video.laid_out)} of their copies on a CPU"
    return [
        ("memory", f"{_megabytes(video.total)} for a video, {_megabytes(image.total)} for an image, guided: {parts}"),
        ("", "of tensors, computed from the sizes; a process takes about 550 MB more, as measured on a CPU"),
    ]


def _scores(info: CheckpointInfo) -> list[tuple[str, str]]:
    if not info.scores:
        return [("scores", "its card gives none; nuwa-hf evaluate measures some")]
    lines = []
    for title, row in islice(info.scores.items(), MOST_TABLES):
        values = ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in row.items()
            if value != "-"
        )
        lines.append(("" if lines else "scores", f"{title}: {values}"))
    if len(info.scores) > MOST_TABLES:
        lines.append(("", f"{len(info.scores) - MOST_TABLES} more tables are in its card, {CARD}, and in --json"))
    return lines


def _millions(count: int) -> str:
    return f"{count / 1e6:.3g} M parameters" if count >= 1e5 else f"{count:,} parameters"


def _megabytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / MEGABYTE:.3g} MB"


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
