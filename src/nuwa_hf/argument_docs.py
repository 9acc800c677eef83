# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Descriptions of arguments that several functions share: written once and filled into each docstring by name."""

import inspect
import re
import textwrap
from collections.abc import Callable
from string import Template
from typing import TypeVar


WIDTH = 119  # of a finished line, in columns
Documented = TypeVar("Documented", bound=Callable)


def share_arguments(entries: str, **words: str) -> Callable[[Documented], Documented]:
    """Decorator that completes the `Args` section of a docstring.

    The docstring itself describes only what is particular to its function. Every other argument of the signature gets
    the shared description of that name. The finished section lists all arguments in the order of the signature.

    Args:
        entries (`str`): the shared descriptions, written as in an `Args` section; `$word` in them is replaced.
        words (`str`): the replacement for each `$word`.

    Returns:
        `Callable`: the decorator, for a function or a class with an `Args` section in its own docstring.

    Raises:
        ValueError: When the decorator is applied, if the docstring has no `Args` section or describes an argument that
            does not exist, or if an argument has no description.
    """
    shared = {
        name: Template(text).substitute(words) for name, text in _split_entries(textwrap.dedent(entries)).items()
    }

    def complete(documented: Documented) -> Documented:
        names = [name for name in inspect.signature(documented).parameters if name != "self"]
        documented.__doc__ = _complete(documented.__doc__ or "", names, shared, documented.__qualname__)
        return documented

    return complete


def argument_entries(documented: Callable) -> str:
    """The entries in the `Args` section of a docstring, to be shared with other functions.

    Args:
        documented (`Callable`): a function or a class whose docstring has such a section.

    Returns:
        `str`: the entries.
    """
    return _find_section(inspect.getdoc(documented), documented.__qualname__)[2]


def _find_section(docstring: str, where: str) -> re.Match:
    section = re.search(r"^( *)Args:\n((?:\1 +\S.*\n?)*)", docstring, flags=re.MULTILINE)
    if section is None:
        raise ValueError(f"The docstring of `{where}` must have an `Args:` section; add one, empty if all is shared.")
    return section


def _complete(docstring: str, names: list[str], shared: dict[str, str], where: str) -> str:
    section = _find_section(docstring, where)
    own = _split_entries(textwrap.dedent(section[2]))
    for name in own.keys() - set(names):
        raise ValueError(f"The docstring of `{where}` describes `{name}`, which is no argument of it; remove it.")
    for name in set(names) - own.keys() - shared.keys():
        raise ValueError(f"The docstring of `{where}` must describe `{name}`; add it there or to the shared ones.")
    indent = f"{section[1]}    "
    fill = textwrap.TextWrapper(WIDTH - len(indent), subsequent_indent="    ", break_on_hyphens=False).fill
    entries = "".join(own.get(name) or fill(" ".join(shared[name].split())) + "\n" for name in names)
    return docstring[: section.start(2)] + textwrap.indent(entries, indent) + docstring[section.end(2) :]


def _split_entries(section: str) -> dict[str, str]:
    """Map the name of each entry in a dedented section to its text, line ends included."""
    entries = re.split(r"^(?=\w)", section.strip("\n") + "\n", flags=re.MULTILINE)
    return {re.match(r"\w+", entry)[0]: entry for entry in entries if entry.strip()}
