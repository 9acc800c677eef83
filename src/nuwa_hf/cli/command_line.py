# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The parser of `nuwa-hf`, and its exit status.

Nothing slow is imported before the command line has been parsed, so help and usage errors appear at once.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from nuwa_hf import __version__
from nuwa_hf.cli.option_hints import check_command, check_options
from nuwa_hf.cli.task_arguments import add_arguments
from nuwa_hf.cli.task_commands import TASK_COMMANDS
from nuwa_hf.exit_status import USER_ERROR, exit_status


# Sub-commands with a `main(argv)` in a module of their own, which is imported on demand: module, summary.
DELEGATED = {
    "generate": ("nuwa_hf.bulk.generate_prompts", "make an image or a video for each line of a file"),
    "inspect": ("nuwa_hf.training.tokens.inspect_dataset", "look at clips before they are tokenised"),
    "init": ("nuwa_hf.training.init.init_command", "write the settings of all steps for a data set"),
    "train-tokenizer": ("nuwa_hf.training.tokens.train_tokenizer", "learn a text tokenizer from captions"),
    "train-vqgan": ("nuwa_hf.training.vqgan.train_vqgan", "train the codec"),
    "tokenize": ("nuwa_hf.training.tokens.tokenize_dataset", "turn clips into token files"),
    "merge-codes": ("nuwa_hf.training.vqgan.merge_codes", "join codes of a codec that say nearly the same"),
    "train": ("nuwa_hf.training.nuwa.train_nuwa", "train the transformer and write a pipeline"),
    "memory": ("nuwa_hf.training.nuwa.memory_command", "work out the memory that training takes"),
    "train-judges": ("nuwa_hf.evaluation.judges.train_judges", "train the networks that judge videos"),
    "evaluate": ("nuwa_hf.evaluation.evaluate_checkpoint", "measure a checkpoint on any data set, or as a paper did"),
    "compare": ("nuwa_hf.evaluation.compare_folders", "measure a folder of images or clips against another"),
    "app": ("nuwa_hf.app.app_command", "the eight tasks in the browser"),
    "push": ("nuwa_hf.hub.push", "push a checkpoint to the Hub"),
    "push-space": ("nuwa_hf.hub.push_space", "push the app on a checkpoint to the Hub, as a Space"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Returns:
        `int`: the exit status, as `nuwa_hf.exit_status.exit_status` gives it.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    return exit_status(lambda: _run(argv))


def _run(argv: list[str]) -> int | None:
    if argv and argv[0] in DELEGATED:
        return import_module(DELEGATED[argv[0]][0]).main(argv[1:])
    check_command(argv)
    check_options(argv)
    args = build_parser().parse_args(argv)
    return import_module("nuwa_hf.cli.run_task").run_task(TASK_COMMANDS[args.command], args)


def build_parser() -> argparse.ArgumentParser:
    """The parser of `nuwa-hf` and its sub-commands."""
    parser = _OneLineErrorParser(
        prog="nuwa-hf",
        description="NUWA: images and videos, on a CPU in seconds with the embedded checkpoint.",
        epilog='example: nuwa-hf text-to-video "a rocket flies upwards over the sea" --seed 0',
    )
    parser.add_argument("--version", action="version", version=f"nuwa-hf {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in TASK_COMMANDS.items():
        sub_parser = commands.add_parser(
            name, help=command.summary, description=command.description, epilog=f"example:\n  {command.example}\n"
        )
        add_arguments(sub_parser, command)
    for name, (_, summary) in DELEGATED.items():  # for the help only: `main` runs them without this parser
        commands.add_parser(name, help=f"{summary}; see nuwa-hf {name} --help")
    return parser


class _OneLineErrorParser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)

    def error(self, message: str):
        self.exit(USER_ERROR, f"{self.prog}: error: {message}\n")
