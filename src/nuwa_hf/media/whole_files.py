# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files that are whole or not there: written aside and moved to their name; whether one can be written at all."""

import hashlib
import os
import platform
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


try:
    import fcntl
except ImportError:  # Windows, where no file can be removed that a process has open
    fcntl = None

# A file aside is called after the file, the machine that writes it and the call; earlier versions named no machine.
ASIDE = re.compile(r"(\..*\.)(?:([0-9a-f]{8})[0-9a-f]{8}|[0-9a-f]{8})\.part", re.DOTALL)
MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
DAY = 24 * 60 * 60  # seconds after which another machine writes no more to a file that it has not touched


@contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside `path`, moved there when the block ends well and removed when it does not.

    What a process leaves that is killed in the block, `remove_left_aside` removes.

    Args:
        path (`str` or `os.PathLike`): the file to write.

    Yields:
        `Path`: the file to write to instead.

    Raises:
        OSError: If nothing can be written there.
    """
    path = Path(path)
    # Several machines may write the same file.
    aside = path.with_name(f"{_begin_of(path.name)}{MACHINE}{secrets.token_hex(4)}.part")
    with _locked(path.parent, is_alone=False):
        try:
            yield aside
            aside.replace(path)
        except OSError as error:  # it names the file aside, or none
            raise OSError(f"Cannot write {path}: {error.strerror or error}.") from error
        finally:
            aside.unlink(missing_ok=True)


def remove_left_aside(folder: str | os.PathLike, name: str | None = None) -> None:
    """Remove what killed processes left of files that they wrote aside.

    Where a process of this machine is writing a file aside in the folder, nothing is removed; of other machines, only
    what they have not touched for a day.

    Args:
        folder (`str` or `os.PathLike`): the folder; it need not be there.
        name (`str`, *optional*): of the one file that was written; by default any.
    """
    folder = Path(folder)
    with _locked(folder, is_alone=True) as is_locked:
        for scrap in folder.iterdir() if is_locked else ():
            found = ASIDE.fullmatch(scrap.name)
            if found is None or (name is not None and found[1] != _begin_of(name)):
                continue
            with suppress(OSError):  # another process has removed it, or has it open on Windows
                if found[2] == MACHINE or time.time() - scrap.stat().st_mtime > DAY:
                    scrap.unlink()


def _begin_of(name: str) -> str:
    """The begin of the name of a file aside: a name may have 255 bytes, and a letter up to 4 of them."""
    return f".{name[:58]}."


@contextmanager
def _locked(folder: Path, *, is_alone: bool) -> Iterator[bool]:
    """Lock a folder for this process alone, or with others, and say whether that was possible.

    The folder, not the file that is written: on a network drive its lock would shut out who writes it. Locks go with
    the process that has them, and are those of one machine.
    """
    if fcntl is None:
        yield folder.is_dir()
        return
    with ExitStack() as stack:
        is_locked = False
        with suppress(OSError):  # it is not there, or alone is not possible
            number = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, number)
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB if is_alone else fcntl.LOCK_SH)
            is_locked = folder.is_dir()
        yield is_locked


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
