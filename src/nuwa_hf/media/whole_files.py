# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files that are whole or not there: written aside and moved to their name; whether one can be written at all."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside `path`, moved there when the block ends well and removed when it does not.

    Args:
        path (`str` or `os.PathLike`): the file to write.

    Yields:
        `Path`: the file to write to instead.

    Raises:
        OSError: If nothing can be written there.
    """
    path = Path(path)
    # Several machines may write the same file. A name may have 255 bytes, and a letter up to 4 of them.
    aside = path.with_name(f".{path.name[:60]}.{secrets.token_hex(4)}.part")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:  # it names the file aside, or none
        raise OSError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        aside.unlink(missing_ok=True)


def check_can_be_written(path: str | os.PathLike) -> None:
    """Check, before long work, that a file can be written once the folders above it are made. Leaves nothing behind.

    Args:
        path (`str` or `os.PathLike`): the file.

    Raises:
        OSError: If it is a folder, its name is too long, or the nearest folder above it that is there cannot be
            written into.
    """
    path = Path(path)
    check_name(path)
    if path.is_dir():
        raise OSError(f"Cannot write {path}: it is a directory; name a file in it.")
    folder = next(above for above in path.absolute().parents if above.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"Cannot write {path}: {folder}: {error.strerror}; choose another folder.") from error


def check_name(path: Path) -> None:
    """Check that a file could have its name, whether it is there or not.

    Args:
        path (`Path`): the file.

    Raises:
        OSError: If a name in it is too long for the file system.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # what is missing above it is another matter
    except OSError as error:
        raise OSError(f"Cannot write {path}: {error.strerror}; choose another name.") from error
