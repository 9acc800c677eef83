# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Scripts that complete commands and options in a shell. Pressing Tab runs the script alone, no Python."""

import argparse
from pathlib import Path


SHELLS = ("bash", "zsh", "fish")


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for a shell, made of the real parser.

    Args:
        parser (`argparse.ArgumentParser`): with all options of all sub-commands.
        shell (`str`): `"bash"`, `"zsh"` or `"fish"`.

    Returns:
        `str`: its text.
    """
    import shtab  # only here: nothing else needs it

    if shell == "bash":  # its own file names come where nothing else fits, also after options of several values
        return shtab.complete(parser, shell).replace("complete -o bashdefault ", "complete -o bashdefault -o default ")
    _complete_files(parser, shtab.FILE)
    return shtab.complete(parser, shell)


def _complete_files(parser: argparse.ArgumentParser, files: dict[str, str]) -> None:
    """Lets every value that is free text be completed to the names of files."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in set(action.choices.values()):
                _complete_files(one, files)
        elif action.nargs != 0 and action.choices is None and action.type in (None, str, Path):
            action.complete = files
