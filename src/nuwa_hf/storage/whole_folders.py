# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Folders that are complete or not there at all, such as the checkpoints of a run.

A folder is written as `.<name>.incomplete` and renamed when it is complete. One that it replaces is kept as
`.<name>.replaced` until then, and one that is deleted is first renamed to `.<name>.removed`. So at any time a folder
with its plain name is complete, and `recover` cleans up after a process that was killed.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from safetensors import SafetensorError


_IS_ASIDE = ContextVar("_IS_ASIDE", default=False)
IS_POSIX = os.name == "posix"


def is_aside() -> bool:
    """Whether what is being written now is part of something that is written aside already."""
    return _IS_ASIDE.get()


def save_aside(final: Path, write: Callable[[Path], None]) -> None:
    """Has `write` fill a temporary folder beside `final`, which is then renamed to `final`.

    Args:
        final (`Path`): the folder's path; an existing folder is replaced.
        write (`Callable[[Path], None]`): takes the folder to fill; for example `model.save_pretrained`.

    Raises:
        OSError: If it cannot be written, for example on a full disk. What there was before stays.
    """
    aside = final.with_name(f".{final.name}.incomplete")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        with writing_aside(final):
            write(aside)
            flush(aside)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    move_into_place(aside, final)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Names what is written in the errors of a full disk: Python's own have no name, those of safetensors and
    tokenizers are no `OSError`.

    Args:
        path (`Path`): the file or folder that the block writes.

    Yields:
        Nothing.

    Raises:
        OSError: If it cannot be written.
    """
    try:
        yield
    except SafetensorError as error:
        raise OSError(f"{path} could not be written: {error}; free some space and run the command again.") from error
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    except Exception as error:
        if type(error) is not Exception:  # which is all that the package tokenizers raises
            raise
        raise OSError(f"{path} could not be written: {error}; free some space and run the command again.") from error


@contextmanager
def writing_aside(final: Path) -> Iterator[None]:
    """As `writing`, of a folder aside: what is saved in the block makes none of its own, which would be left where a
    process is killed.

    Args:
        final (`Path`): what the folder becomes.

    Yields:
        Nothing.

    Raises:
        OSError: If it cannot be written.
    """
    token = _IS_ASIDE.set(True)
    try:
        with writing(final):
            yield
    finally:
        _IS_ASIDE.reset(token)


def move_into_place(aside: Path, final: Path) -> None:
    """Renames a complete folder to its final name and removes the one that had that name."""
    replaced = final.with_name(f".{final.name}.replaced")
    if final.exists():
        shutil.rmtree(replaced, ignore_errors=True)
        final.rename(replaced)
    aside.rename(final)
    _flush_one(final.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def remove(folder: Path) -> None:
    """Deletes a complete folder. If the process is killed meanwhile, no part of it is left under its name."""
    removed = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(removed, ignore_errors=True)
    folder.rename(removed)
    _delete(removed)


def recover(output_dir: Path) -> None:
    """Cleans up after a process that was killed: restores a replaced folder whose successor is missing, and deletes
    the rest.

    Args:
        output_dir (`Path`): a folder that no other process writes to.
    """
    for replaced in Path(output_dir).glob(".*.replaced"):
        final = replaced.with_name(replaced.name.removeprefix(".").removesuffix(".replaced"))
        if not final.exists():
            replaced.rename(final)
    for ending in ("incomplete", "replaced", "removed"):
        for scrap in Path(output_dir).glob(f".*.{ending}"):
            _delete(scrap)


def _delete(path: Path) -> None:
    """Deletes a folder or a file. Of a link, what it leads to stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def flush(folder: Path) -> None:
    """Waits until a folder and its files are on the disk, so that the rename cannot be stored before them."""
    for path in (*folder.rglob("*"), folder):
        _flush_one(path)


def _flush_one(path: Path) -> None:
    if path.is_dir() and not IS_POSIX:
        return  # only POSIX systems can open a folder
    # Windows flushes only what may be written to; elsewhere read-only files are flushed too.
    number = os.open(path, os.O_RDONLY if IS_POSIX else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
