# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What is wrong with a file, and the sentence that an argument's user reads about it."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import PIL.Image


# What Pillow raises, from one format to another, when a file is damaged or was closed.
PILLOW_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    AssertionError,
    ArithmeticError,
    RuntimeError,  # of AVIF's decoder
    struct.error,
    zlib.error,
    PIL.Image.DecompressionBombError,
)


class BrokenMediaError(ValueError):
    """An image or a clip that cannot be used.

    Its text is the rest of a sentence, such as "is cut off after frame 3". What reads a whole data set skips, counts
    and names it; `naming` makes the whole sentence for an argument.

    Args:
        reason (`str`): what is wrong.
        rule (`str`, *optional*): what it must be.
        remedy (`str`, *optional*): what to do about it.
    """

    rule = "whole and readable"
    remedy = "make it anew, or save it in another format"

    def __init__(self, reason: str, *, rule: str | None = None, remedy: str | None = None):
        super().__init__(reason)
        self.rule = rule or self.rule
        self.remedy = remedy or self.remedy


class UnreadableFileError(BrokenMediaError):
    """A local file that is not there, or that the system does not let us read."""

    rule = "the path of a file, or a URL that starts with http:// or https://"


class DownloadError(OSError):
    """A URL that cannot be reached. That says nothing about the clip, so no data set counts it as a broken one."""


@contextmanager
def naming(name: str, what: str) -> Iterator[None]:
    """Turn what is wrong with a file into an error that names the argument, the rule, the file and the remedy.

    Args:
        name (`str`): the argument's name.
        what (`str`): the file, or what else was given.

    Raises:
        OSError: In place of a `DownloadError` and of an `UnreadableFileError`.
        ValueError: In place of any other `BrokenMediaError`.
    """
    try:
        yield
    except DownloadError as error:
        raise OSError(f"`{name}` must be a URL that can be reached, got {what}, which {error}; check it.") from error
    except BrokenMediaError as error:
        kind = ValueError
        if isinstance(error, UnreadableFileError):
            kind = FileNotFoundError if isinstance(error.__cause__, FileNotFoundError) else OSError
        raise kind(f"`{name}` must be {error.rule}, got {what}, which {error}; {error.remedy}.") from error


@contextmanager
def pillow_reading() -> Iterator[None]:
    """Turn whatever Pillow raises about a damaged file into one error.

    Raises:
        BrokenMediaError: In place of any of them.
    """
    try:
        yield
    except BrokenMediaError:
        raise
    except PIL.Image.DecompressionBombError as error:
        raise BrokenMediaError(f"has too many pixels to be read safely: {error}", remedy="shrink it first") from error
    except MemoryError as error:  # its pixels are not too many, so it is some other size in the file
        raise BrokenMediaError(
            "asks for more memory than there is", remedy="it may be damaged; make it anew, or shrink it first"
        ) from error
    except PILLOW_DAMAGE as error:
        raise BrokenMediaError(
            f"cannot be decoded: {str(error) or type(error).__name__}",
            remedy="it may be damaged or cut off, or its file closed; make it anew",
        ) from error
