# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf init`: write the settings of every step for a data set, and say what they cost and which commands to type.

nuwa-hf init from-nothing my-clips --output_dir runs
"""

import argparse
import logging
import math
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import psutil
import torch

from nuwa_hf.datasets.moving_mnist import DIGIT_COUNTS
from nuwa_hf.device_choice import choose_device
from nuwa_hf.exit_status import CommandParser, add_verbose, exit_status
from nuwa_hf.modeling.tokenization_nuwa import NuwaTokenizer
from nuwa_hf.storage.find_checkpoint import EMBEDDED
from nuwa_hf.training.init.costs import Costs
from nuwa_hf.training.init.data_facts import look_at
from nuwa_hf.training.init.first_settings import IMAGE_SIZES, Machine, choose_settings
from nuwa_hf.training.init.machine_speed import measured_speed, transformer_speed
from nuwa_hf.training.init.recipes import RECIPES, recipe_table
from nuwa_hf.training.init.settings_files import FILES, VQGAN_ROWS, VQGAN_STEPS, Plan, commands, yaml_files
from nuwa_hf.training.init.started_from import StartFit, start_from
from nuwa_hf.training.run.freed_memory import keep_freed_memory
from nuwa_hf.training.run.run_arguments import require


logger = logging.getLogger(__name__)
WIDTH = 100  # columns of the summary's sentences


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = CommandParser(
        prog="nuwa-hf init",
        description="Look at a folder or another data set of images or clips, choose settings for it, and measure\n"
        "how fast this machine is. Write the settings as YAML files whose comments say what each choice\n"
        "costs, and say which commands to type.",
        epilog=f"recipes:\n{recipe_table()}\n\nexample:\n  nuwa-hf init from-nothing my-clips --output_dir runs",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", metavar="RECIPE", help=f"{', '.join(RECIPES)}; see below")
    parser.add_argument("dataset", metavar="DATA", help="a folder, a file of rows, or a Hub id")
    parser.add_argument("--dataset_split", default="train", help="split of the data set")
    parser.add_argument("--media_column", help="column of images or clips; by default the only one")
    parser.add_argument("--caption_column", help="column of captions; by default the one called so")
    parser.add_argument("--output_dir", type=Path, required=True, help="where the files and the runs go")
    parser.add_argument("--checkpoint", help=f"what is fine-tuned: a folder, a Hub id, or {EMBEDDED!r}, the default")
    parser.add_argument("--preset", choices=list(IMAGE_SIZES), help="size of the transformer; by default chosen")
    parser.add_argument("--hours", type=float, default=1.0, help="how long the transformer may train (default: 1)")
    parser.add_argument(
        "--tokens_per_second",
        type=float,
        help="what train reports for the preset emoji-motion on the machine that trains; by default measured on this "
        "one",
    )
    parser.add_argument("--memory_gb", type=float, help="memory to use, in 1e9 bytes; by default the machine's")
    add_verbose(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Look at a data set, write the files and print what they cost and the commands.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        ValueError: If an argument is wrong, the data set cannot be read, or a file is there already.
        OSError: If the checkpoint is not there.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    columns = {name: getattr(args, name) for name in ("media_column", "caption_column")}
    facts = look_at(args.dataset, args.dataset_split, **columns)
    device = choose_device(None).type
    if device == "cpu":
        keep_freed_memory()  # as training does
    fit = None
    if (fine_tune := RECIPES[args.recipe].fine_tune) is not None:
        fit = start_from(args.checkpoint or EMBEDDED, fine_tune, args.dataset, args.dataset_split, facts)
    logger.info("Measuring for some seconds how fast this machine is.")
    speed = transformer_speed(args.tokens_per_second, device)
    machine = Machine(args.hours, speed.tokens_per_second, args.memory_gb or _memory_gb(device), device)
    start = None if fit is None else fit.start
    chosen = choose_settings(facts, machine, args.preset, start)
    plan = Plan(
        *(args.dataset, args.dataset_split, args.output_dir, facts, chosen, start),
        trains_codec=fit is None or fit.trains_codec,
        learns_words=bool(facts.prompts) if fit is None else fit.learns_words,
        device=device,
    )
    images = VQGAN_STEPS * VQGAN_ROWS if plan.trains_codec else 0
    costs = Costs(chosen, measured_speed(plan, speed), start, plan.crops, images, device)
    texts = yaml_files(plan, costs)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    if start is None and not facts.prompts:  # no captions to learn one from
        NuwaTokenizer.train([]).save_pretrained(args.output_dir / "tokenizer")
    for name, text in texts.items():
        (args.output_dir / name).write_text(text, encoding="utf-8")
    sys.stdout.write(_summary(args, plan, costs, fit))


def _check(args: argparse.Namespace) -> None:
    if args.recipe not in RECIPES:
        raise ValueError(
            f"`RECIPE` must be one of {', '.join(RECIPES)}, got {args.recipe!r}; write for example nuwa-hf init "
            f"from-nothing {args.dataset}, and see nuwa-hf init --help."
        )
    if args.dataset in DIGIT_COUNTS:
        raise ValueError(
            f"`DATA` must be a folder, a file of rows or a Hub id, got {args.dataset!r}, which lies in no files; "
            "docs/data.md has its commands."
        )
    if args.checkpoint is not None and RECIPES[args.recipe].fine_tune is None:
        raise ValueError(
            f"`--checkpoint` must be left out of {args.recipe}, which starts without one, got {args.checkpoint!r}; "
            "take fine-tune or lora."
        )
    for name in ("hours", "tokens_per_second", "memory_gb"):
        value = getattr(args, name)
        require(value is None or 0 < value < math.inf, name, "above 0 and finite", value, "leave it out")
    there = [name for name in FILES if (args.output_dir / name).exists()]
    if there:
        raise ValueError(
            f"`output_dir` must hold no {', '.join(FILES)}, got {str(args.output_dir)!r} with {', '.join(there)}; use "
            "another folder, or delete them."
        )


def _summary(args: argparse.Namespace, plan: Plan, costs: Costs, fit: StartFit | None) -> str:
    facts, chosen = plan.facts, plan.chosen
    captions = {"auto": "a column of captions", "folder": "the names of sub-folders", "none": "none"}
    what = (
        ", each an image"
        if chosen.num_frames == 1
        else f" of {chosen.num_frames} frames at {chosen.frame_rate:g} a second"
    )
    grid = " x ".join(map(str, chosen.grid))
    size = f"preset {chosen.preset}" if fit is None else f"{fit.start.name}, {fit.start.fine_tune}"
    width = max(len(name) for name, _ in costs.rows())
    lines = [
        f"{args.dataset}: {facts.num_rows} rows, about {chosen.num_samples:,} samples{what}",
        f"captions: {captions[facts.caption_source]}, of {facts.captioned_share:.0%} of the rows",
        f"chosen: {size}, {chosen.image_size} pixels, {grid} tokens, {chosen.max_train_steps:,} steps",
        *([] if fit is None else fit.sentences),
        f"written: {', '.join(str(args.output_dir / name) for name in plan.file_names)}",
        "",
        "About how long, on this machine:",
        *(f"  {name:<{width}}  {text}" for name, text in costs.rows()),
        *textwrap.wrap(costs.sentence(), WIDTH),
        "",
        "Look at the files, whose comments say what each choice costs, then:",
        *(f"  {line}" for line in commands(plan)),
    ]
    return "\n".join(lines) + "\n"


def _memory_gb(device: str) -> float:
    if device in ("cuda", "xpu"):  # with memory of their own
        return torch.get_device_module(device).get_device_properties(0).total_memory / 1e9
    return psutil.virtual_memory().total / 1e9


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
