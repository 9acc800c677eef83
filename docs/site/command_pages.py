# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A page for each command, with all of its options, as its own parser says them."""

import argparse
import re
from contextlib import suppress
from unittest.mock import patch

from nuwa_hf import cli


def summaries() -> dict[str, str]:
    """Every command of `nuwa-hf` with its line in the list of commands, in that order."""
    for action in cli.build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {choice.dest: (choice.help or "").partition("; see ")[0] for choice in action._choices_actions}
    raise ValueError("the parser of nuwa-hf must have sub-commands, got none.")


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser that answers `nuwa-hf COMMAND --help`.

    Args:
        command (`str`): the command.

    Returns:
        `argparse.ArgumentParser`: the parser.
    """
    asked = []
    keep = patch.object(argparse.ArgumentParser, "print_help", lambda parser, file=None: asked.append(parser))
    with keep, suppress(SystemExit):
        cli.main([command, "--help"])
    return asked[0]


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    return {command: parser_of(command) for command in summaries()}


def command_pages() -> dict[str, str]:
    """The pages of the commands: their paths in the site's sources, and their reStructuredText."""
    described = summaries()
    pages = {f"commands/{name}.rst": _page(name, described[name], parser) for name, parser in parsers().items()}
    rows = "".join(f"   * - :doc:`{name}`\n     - {_text(summary)}\n" for name, summary in described.items())
    names = "".join(f"   {name}\n" for name in described)
    pages["commands/index.rst"] = (
        "Commands\n========\n\nAll of them are sub-commands of ``nuwa-hf``.\n\n"
        f".. list-table::\n   :widths: 25 75\n\n{rows}\n.. toctree::\n   :hidden:\n\n{names}"
    )
    return pages


def _page(command: str, summary: str, parser: argparse.ArgumentParser) -> str:
    prog = f"nuwa-hf {command}"
    formatter = parser._get_formatter()
    given = [
        formatter._format_args(action, action.metavar or action.dest) for action in parser._get_positional_actions()
    ]
    parts = [f"{prog}\n{'=' * len(prog)}\n", _paragraphs(parser.description or f"{summary[0].upper()}{summary[1:]}.")]
    parts += [f"::\n\n   {' '.join([prog, '[options]', *given])}\n", f".. program:: {prog}\n"]
    for group in parser._action_groups:
        hidden = (argparse.SUPPRESS, "show this help message and exit")
        shown = [action for action in group._group_actions if action.help not in hidden]
        if shown:
            title = (group.title or "options").capitalize()
            parts += [f"{title}\n{'-' * len(title)}\n", _paragraphs(group.description)]
            parts += [_option(parser, action) for action in shown]
    parts.append(_paragraphs(parser.epilog))
    return "\n".join(part for part in parts if part)


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = parser._get_formatter()
    invocation = formatter._format_action_invocation(action)
    help_text = formatter._expand_help(action).removesuffix(" (default: None)") if action.help else ""
    required = "Required. " if action.required and action.option_strings else ""
    return f".. option:: {invocation}\n\n{_indented(required + _text(help_text))}\n"


def _paragraphs(text: str | None) -> str:
    """Description or epilog of a parser; a paragraph with indented lines keeps them."""
    written = []
    for paragraph in re.split(r"\n\s*\n", (text or "").strip()):
        lines = paragraph.splitlines()
        has_layout = any(line.startswith(" ") for line in lines)
        written.append("::\n\n" + _indented(paragraph) if has_layout else _text(" ".join(lines)))
    return "\n\n".join(written) + "\n" if text else ""


def _text(text: str) -> str:
    """Plain text as reStructuredText: what stands in backticks is code, nothing else means anything."""
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    for number, part in enumerate(parts):
        parts[number] = f"``{part}``" if number % 2 else re.sub(r"([\\*_|`<>])", r"\\\1", part)
    return "".join(parts)


def _indented(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.splitlines())
