# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Folders that are whole or not there at all: a run's checkpoints and its finished model."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path


CHECKPOINT_NAME = re.compile(r"checkpoint-(\d{6,})")


def complete_checkpoints(output_dir: Path) -> list[Path]:
    """The complete checkpoints of a run, the oldest first."""
    found = [path for path in Path(output_dir).glob("checkpoint-*") if CHECKPOINT_NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.split("-")[1]))


def newest_checkpoint(output_dir: Path) -> Path | None:
    """The complete checkpoint with the most steps, or None."""
    return next(reversed(complete_checkpoints(output_dir)), None)


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
    shutil.rmtree(replaced, ignore_errors=True)
    if final.exists():
        final.rename(replaced)
    aside.rename(final)
    shutil.rmtree(replaced, ignore_errors=True)


def flush(folder: Path) -> None:
    """Waits until the files of a folder are on the disk, so that the rename cannot get there first."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
