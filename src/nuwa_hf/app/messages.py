# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is wrong, as a visitor reads it: one line of text, at the field it is about."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import torch

from nuwa_hf.serving import SamplerFullError


FIELD_ERRORS = (ValueError, TypeError, OSError)
ERRORS = (*FIELD_ERRORS, SamplerFullError, MemoryError, torch.OutOfMemoryError)


@contextmanager
def shown_error() -> Iterator[None]:
    """Turn an error that a visitor can mend, or wait for, into a message on the page.

    Raises:
        gr.Error: In its place. Its message is text, in which no HTML of the visitor's takes effect.
    """
    try:
        yield
    except ERRORS as error:
        raise gr.Error(html.escape(plain_message(error), quote=False), print_exception=False) from error


def plain_message(error: BaseException) -> str:
    """What is wrong, in one line, without the folders of this machine.

    Args:
        error (`BaseException`): what was raised.

    Returns:
        `str`: the message.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "There is not enough memory for this; ask for less."
    message = " ".join(str(error).split()) or type(error).__name__
    return re.sub(r"'(/[^']*)'", lambda found: repr(Path(found[1]).name), message)


def as_markdown(text: str) -> str:
    """Markdown that shows a text as it stands: no HTML, link, picture or formula in it takes effect.

    Args:
        text (`str`): such as the name of a checkpoint, which strangers give.

    Returns:
        `str`: one line, in which every sign is escaped.
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


def named_in(message: str) -> str:
    """The name that a message is about.

    Args:
        message (`str`): the message.

    Returns:
        `str`: what stands in its first backticks; empty if nothing does.
    """
    found = re.search(r"`([^`]+)`", message)
    return found[1] if found else ""
