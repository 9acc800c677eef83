# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Arguments of a command as a YAML file with a comment for each."""

import textwrap
from dataclasses import dataclass, fields
from typing import Any

import yaml


WIDTH = 119  # columns of a comment


@dataclass(frozen=True)
class Setting:
    """A value that was chosen for an argument.

    Args:
        value: what YAML can store.
        reason (`str`, *optional*): why it was chosen, as the rest of a sentence that begins with "Here:".
    """

    value: Any
    reason: str | None = None


def commented_yaml(arguments: type, settings: dict[str, Setting], title: str) -> str:
    """A YAML file whose comments are the help texts of the arguments.

    Args:
        arguments (`type`): the dataclass of a command's arguments.
        settings (`dict[str, Setting]`): name to value, in the order of the file.
        title (`str`): the comment at its top.

    Returns:
        `str`: the file's text.

    Raises:
        ValueError: If the command has no argument of a name.
    """
    helps = {entry.name: entry.metadata.get("help", "") for entry in fields(arguments)}
    unknown = sorted(settings.keys() - helps.keys())
    if unknown:
        raise ValueError(f"`settings` must be arguments of {arguments.__name__}, got {', '.join(unknown)}.")
    blocks = [_comment(title)]
    for name, setting in settings.items():
        reason = "" if setting.reason is None else f" Here: {setting.reason}."
        value = yaml.safe_dump(setting.value, default_flow_style=True, allow_unicode=True, width=float("inf"))
        value = value.removesuffix("...\n").strip()  # YAML's end of a document that is a single word
        blocks.append(f"{_comment(helps[name] + reason)}{name}: {value}\n")
    return "\n".join(blocks)


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, WIDTH - 2))
