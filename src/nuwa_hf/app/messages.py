# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is wrong, as a visitor reads it: one line of text, at the field it is about; and what the pipelines warn of."""

import html
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import gradio as gr
import torch

from nuwa_hf.serving import SamplerFullError


FIELD_ERRORS = (ValueError, TypeError, OSError)
ERRORS = (*FIELD_ERRORS, SamplerFullError, MemoryError, torch.OutOfMemoryError)
_LISTENER: ContextVar["PipelineWarnings | None"] = ContextVar("listener", default=None)


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
    return _plain(str(error)) or type(error).__name__


class PipelineWarnings(logging.Handler):
    """What the pipelines warn of while they answer a request, in whichever thread, for the visitor; to be entered.

    What else is to be told is added.
    """

    def __init__(self):
        super().__init__(logging.WARNING)
        self._messages: dict[str, bool] = {}  # whether they have been shown

    def __enter__(self) -> "PipelineWarnings":
        logging.getLogger("nuwa_hf.pipelines").addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("nuwa_hf.pipelines").removeHandler(self)

    def listen(self) -> None:
        """Take what is warned of in this context from now on: Gradio goes on with a generator in another one."""
        _LISTENER.set(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a warning, if it is this request's.

        Args:
            record (`logging.LogRecord`): the warning.
        """
        if _LISTENER.get() is self:
            self.add(record.getMessage())

    def add(self, message: str) -> None:
        """Take a message.

        Args:
            message (`str`): what to tell the visitor, once.
        """
        self._messages.setdefault(message, False)

    def show(self) -> None:
        """Show what has not been shown. It is text, in which no HTML of the visitor's takes effect."""
        for message, is_shown in list(self._messages.items()):
            if not is_shown:
                self._messages[message] = True
                gr.Warning(html.escape(_plain(message), quote=False))


def _plain(message: str) -> str:
    named = r"""'(/[^']*)'|"(/[^"]*)\""""  # as Python quotes a name
    return re.sub(named, lambda found: repr(Path(found[1] or found[2]).name), " ".join(message.split()))


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
