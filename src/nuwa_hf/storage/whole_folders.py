# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Folders that are complete or not there at all, such as the checkpoints of a run.

A folder is filled under the name `.<name>.incomplete` and renamed when it is whole; the one that it replaces waits as
`.<name>.replaced` until then, and one that is deleted is renamed to `.<name>.removed` first. So whatever has its plain
name is whole at every instant, and `recover` puts in order what a kill has left.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def save_aside(final: Path, write: Callable[[Path], None]) -> None:
    """Lets `write` fill a folder beside `final`, and moves it into place when it is whole.

    Args:
        final (`Path`): where the folder shall be; what is there is replaced.
        write (`Callable[[Path], None]`): is given the folder to fill, for example `model.save_pretrained`.
    """
    aside = final.with_name(f".{final.name}.incomplete")
    shutil.rmtree(aside, ignore_errors=True)
    write(aside)
    flush(aside)
    move_into_place(aside, final)


def move_into_place(aside: Path, final: Path) -> None:
    """Renames a whole folder to its final name, in place of the one that is there."""
    replaced = final.with_name(f".{final.name}.replaced")
    if final.exists():
        shutil.rmtree(replaced, ignore_errors=True)
        final.rename(replaced)
    aside.rename(final)
    _flush_one(final.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def remove(folder: Path) -> None:
    """Deletes a folder that was whole; a kill in the middle leaves no part of it under its name."""
    removed = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(removed, ignore_errors=True)
    folder.rename(removed)
    shutil.rmtree(removed)


def recover(output_dir: Path) -> None:
    """Puts in order what a kill has left: a replaced folder whose successor is missing comes back, scraps go.

    Args:
        output_dir (`Path`): a folder in which nobody else writes.
    """
    for replaced in Path(output_dir).glob(".*.replaced"):
        final = replaced.with_name(replaced.name.removeprefix(".").removesuffix(".replaced"))
        if not final.exists():
            replaced.rename(final)
    for ending in ("incomplete", "replaced", "removed"):
        for scrap in Path(output_dir).glob(f".*.{ending}"):
            if scrap.is_dir():
                shutil.rmtree(scrap)
            else:
                scrap.unlink()


def flush(folder: Path) -> None:
    """Waits until a folder and its files are on the disk, so that the rename cannot get there first."""
    for path in (*folder.rglob("*"), folder):
        _flush_one(path)


def _flush_one(path: Path) -> None:
    if path.is_dir() and os.name != "posix":
        return  # only there can a folder be opened
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
