# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The parser of `nuwa-hf`, and its exit status.

Nothing slow is imported before the command line has been parsed, so help and usage errors appear at once.
"""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module

from nuwa_hf.cli.command_table import DELEGATED, all_summaries, overview
from nuwa_hf.cli.completion import SHELLS, completion_script
from nuwa_hf.cli.option_hints import check_command, check_options, refuse_more
from nuwa_hf.cli.task_arguments import add_arguments
from nuwa_hf.cli.task_commands import TASK_COMMANDS
from nuwa_hf.cli.versions import versions_text
from nuwa_hf.exit_status import CommandParser, add_verbose, exit_status


WELCOME = """nuwa-hf draws images and videos from texts, sketches and parts of pictures.
Its commands, in the order of work:

{overview}
nuwa-hf COMMAND --help says what a command takes. To begin, without any data:
  nuwa-hf text-to-video "a rocket flies upwards over the sea" --seed 0
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv (`Sequence[str]`, *optional*): the arguments; by default those of the process.

    Returns:
        `int`: the exit status, as `nuwa_hf.exit_status.exit_status` gives it.
    """
    return exit_status(_run, argv)


def _run(argv: list[str]) -> int | None:
    if not argv:
        print(WELCOME.format(overview=overview()), end="")
        return None
    if argv[0] in DELEGATED:
        return import_module(DELEGATED[argv[0]].module).main(argv[1:])
    check_command(argv)
    check_options(argv)
    args, more = build_parser().parse_known_args(argv)
    if more:
        refuse_more(more, TASK_COMMANDS[args.command])
    return import_module("nuwa_hf.cli.run_task").run_task(TASK_COMMANDS[args.command], args)


def build_parser(with_options: bool = False) -> argparse.ArgumentParser:
    """The parser of `nuwa-hf` and its sub-commands.

    Args:
        with_options (`bool`, defaults to `False`): whether the sub-commands with modules of their own have their
            options, which takes the seconds that their imports take; else they are there for the help only.

    Returns:
        `argparse.ArgumentParser`: the parser.
    """
    parser = _TaskParser(
        prog="nuwa-hf",
        description="NUWA: images and videos, on a CPU in seconds with the embedded checkpoint.",
        epilog='example: nuwa-hf text-to-video "a rocket flies upwards over the sea" --seed 0',
    )
    text = "print the versions of the libraries, the machine and its device, for a report of a bug"
    parser.add_argument("--version", action=_Print, nargs=0, text=lambda _: versions_text(), help=text)
    text = "print the script that completes commands and options; docs/command-line.md says where it goes"
    parser.add_argument("--print-completion", action=_Print, choices=SHELLS, text=_completion, help=text)
    add_verbose(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in all_summaries().items():
        if name in TASK_COMMANDS:
            command = TASK_COMMANDS[name]
            about = {"description": command.description, "epilog": f"example:\n  {command.example}\n"}
            add_arguments(commands.add_parser(name, help=summary, **about), command)
        elif with_options:
            own = import_module(DELEGATED[name].module).build_parser()
            commands.add_parser(name, help=summary, parents=[own], add_help=False)
        else:
            commands.add_parser(name, help=summary)
    return parser


def _completion(shell: str) -> str:
    return completion_script(build_parser(with_options=True), shell)


class _Print(argparse.Action):
    """Prints a text, which may depend on the option's value, and ends the command."""

    def __init__(self, *args, text: Callable[[str], str], **kwargs):
        super().__init__(*args, default=argparse.SUPPRESS, **kwargs)
        self.text = text

    def __call__(self, parser, namespace, values, option_string=None):
        print(self.text(values))
        parser.exit()


class _TaskParser(CommandParser):
    """Shows descriptions and examples as they are written."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs, formatter_class=argparse.RawDescriptionHelpFormatter)
