# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`nuwa-hf push`: push a pipeline, a model, a tokenizer or an adapter to the Hub."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from nuwa_hf.exit_status import CommandParser, add_verbose, exit_status
from nuwa_hf.hub.push_folder import push_folder


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = CommandParser(
        prog="nuwa-hf push",
        description="Push a pipeline, a model, a tokenizer or an adapter to the Hub.",
        epilog="example: nuwa-hf push my-nuwa user/my-nuwa",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where `save_pretrained` wrote")
    parser.add_argument("repo_id", metavar="USER/MODEL", help="the repository; made if it is not there")
    parser.add_argument(
        "--standalone", action="store_true", help="push the code too, for `trust_remote_code=True` without nuwa_hf"
    )
    add_repository_arguments(parser, commit_message="by default says what the folder holds")
    return parser


def add_repository_arguments(parser: argparse.ArgumentParser, *, commit_message: str) -> None:
    """Add the arguments that every command that pushes has.

    Args:
        parser (`argparse.ArgumentParser`): the command's parser.
        commit_message (`str`): the help of `--commit_message`.
    """
    parser.add_argument("--private", action="store_true", help="make the repository private")
    parser.add_argument("--revision", metavar="R", help="branch to push to; made from main if it is not there")
    parser.add_argument("--license", "--licence", metavar="L", help="the card's licence, by its short name on the Hub")
    parser.add_argument("--commit_message", metavar="M", help=commit_message)
    add_verbose(parser)


def main(argv: Sequence[str] | None = None) -> None:
    """Push a folder in one commit.

    Args:
        argv (`Sequence[str]`, *optional*): the command line without the program's name; `None` reads `sys.argv`.

    Raises:
        ValueError: If the folder has nothing to push, or the repository's id or the licence is malformed.
        OSError: If a file is missing, or the push fails.
    """
    args = build_parser().parse_args(argv)
    push_folder(
        args.folder,
        args.repo_id,
        private=True if args.private else None,
        revision=args.revision,
        commit_message=args.commit_message,
        license=args.license,
        standalone=args.standalone,
    )


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
