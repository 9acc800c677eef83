# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Values of a run as a card shows them: plain ones for YAML, without the folders of the machine of the run."""

import json
import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any


# Within a sentence: an absolute path with at least two parts, of POSIX or of Windows.
LOCAL_PATH = re.compile(r"(?<![\w.:/\\~])(?:file:/+|~?/|[A-Za-z]:[\\/])(?:[^\s'\",;:/\\]+[/\\])+([^\s'\",;:/\\]*)")


def shown(value: Any) -> Any:
    """A value for a card.

    Args:
        value (`Any`): an argument of a run: a text, a number, a path, or a list or mapping of such.

    Returns:
        The same as plain values for YAML. Of an absolute path only the last part is left, also within a sentence.
    """
    if isinstance(value, Mapping):
        return {shown(str(name)): shown(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [shown(part) for part in value]
    if isinstance(value, str | Path):
        return _without_folders(str(value))
    return json.loads(json.dumps(value, default=lambda other: _without_folders(str(other))))


def code_span(text: str) -> str:
    """Markdown that shows a text as code, whatever stands in it.

    Args:
        text (`str`): such as the name of a folder.

    Returns:
        `str`: one line.
    """
    line = " ".join(text.split())
    fence = "`" * (_most_backticks(line) + 1)
    pad = " " if "`" in (line[:1], line[-1:]) else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fence_around(block: str) -> str:
    """The fence of a block of code, which nothing in the block closes."""
    return "`" * max(3, _most_backticks(block) + 1)


def _most_backticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _without_folders(text: str) -> str:
    for path in (Path(text).expanduser(), PureWindowsPath(text)):
        if path.is_absolute():
            return path.name
    return LOCAL_PATH.sub(r"\1", text)
