# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The stdout and stderr of a command, which may be closed, full, read no more, or unable to show a name.

Nothing slow is imported here.
"""

import io
import os
import select
import sys
from typing import TextIO


def prepare_streams() -> None:
    """Have both take every text. What was closed before, as by `>&-`, is open to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (open until the process ends)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a name must not end the work


def drop_unwritten(stream: TextIO) -> bool:
    """Drop what a stream cannot write, at which Python would fail once more when it ends.

    Args:
        stream (`TextIO`): stdout or stderr.

    Returns:
        `bool`: whether the reader of the stream is gone.
    """
    try:
        stream.flush()
        # What could not be written is gone if there is no buffer, or it was too long for it: the pipe itself knows.
        is_closed = _has_no_reader(stream)
        if not is_closed:
            return False
    except OSError as error:
        is_closed = isinstance(error, BrokenPipeError)
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return is_closed


def _has_no_reader(stream: TextIO) -> bool:
    """Whether what is written goes into a pipe that nobody reads any more, as far as the system can say."""
    if hasattr(select, "poll"):
        poll = select.poll()
        try:
            poll.register(stream.fileno(), 0)  # errors alone
        except io.UnsupportedOperation:  # a text in memory is no file
            return False
        return bool(poll.poll(0))
    return False
