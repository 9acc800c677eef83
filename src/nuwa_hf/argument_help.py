# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What `--help` says of an option beside its own words: its default, or that it must be given."""

import argparse


def complete_help(parser: argparse.ArgumentParser) -> None:
    """Complete the help of a parser's options, once.

    Args:
        parser (`argparse.ArgumentParser`): a help that speaks of a default, or of `(required)`, stays as it is.
    """
    for action in parser._actions:
        if not action.option_strings or action.help in (None, argparse.SUPPRESS):
            continue
        if isinstance(action, argparse._StoreFalseAction) and action.dest in _with_values(parser):
            action.help = f"Switches --{action.dest} off."  # `HfArgumentParser` repeats what it does where it is on
        else:
            action.help += _note(action)


def _with_values(parser: argparse.ArgumentParser) -> set[str]:
    return {action.dest for action in parser._actions if action.option_strings and action.nargs != 0}


def _note(action: argparse.Action) -> str:
    if action.required:
        return "" if action.help.endswith("(required)") else " (required)"
    value = action.default
    if "default" in action.help or action.nargs == 0 or value in (None, "", [], argparse.SUPPRESS):
        return ""
    words = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f" (default: {words})".replace("%", "%%")
