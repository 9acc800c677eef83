# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Our docstrings, which are Markdown with Google's sections, as Sphinx reads them."""

import re


SECTION = re.compile(r"( *)(?:Args|Attributes|Example|Examples|Raises|Returns|Yields):$")
FENCE = re.compile(r"( *)```(\w*)$")
# Not in a code span, and no part of a longer path.
PAGE = re.compile(r"(?<![`/\w])docs/([\w-]+)\.md(?:#[\w-]+)?")
# A name in brackets, as Hugging Face's docstrings link it.
LINK = re.compile(r"\[(`[^`]+`)\](?:\([^)]*\))?")


def as_restructured_text(lines: list[str]) -> list[str]:
    """A docstring as napoleon reads it: fenced code as directives, equations as literal blocks, pages of docs/ as
    links, and all sections at the left, where diffusers' examples move some of them to the right.

    Args:
        lines (`list[str]`): the docstring's lines.

    Returns:
        `list[str]`: the new ones.
    """
    written, fence, indent, is_literal = [], None, None, False
    for line in lines:
        if fence is None and (section := SECTION.match(line)):
            indent = section[1]
        line = line.removeprefix(indent or "")
        match = FENCE.match(line)
        if match and fence is None:
            fence = match[1]
            written += [f"{fence}.. code-block:: {'python' if match[2] in ('', 'py') else match[2]}", ""]
        elif match:
            fence = None
            written.append("")
        elif fence is not None:
            written.append(f"    {line}" if line else "")
        else:
            is_equation = indent is None and line.startswith("    ") and (is_literal or not written or not written[-1])
            if is_equation and not is_literal:
                written += ["::", ""]
            is_literal = is_equation or (is_literal and not line)
            written.append(PAGE.sub(r":doc:`docs/\1.md </\1>`", LINK.sub(r"\1", line)))
    return written
