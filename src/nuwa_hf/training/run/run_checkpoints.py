# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The checkpoints in the folder of a run: which there are, and whether one is whole."""

import json
import re
import shutil
from pathlib import Path

from nuwa_hf.argument_types import shown
from nuwa_hf.storage.local_checkpoint import read_json


CHECKPOINT_NAME = re.compile(r"checkpoint-(\d{6,})")
SIZES_FILE = "file_sizes.json"


def complete_checkpoints(output_dir: Path) -> list[Path]:
    """The complete checkpoints of a run, the oldest first."""
    found = [path for path in Path(output_dir).glob("checkpoint-*") if CHECKPOINT_NAME.fullmatch(path.name)]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint's name says."""
    return int(checkpoint.name.split("-")[1])


def newest_checkpoint(output_dir: Path) -> Path | None:
    """The complete checkpoint with the most steps, or None."""
    return next(reversed(complete_checkpoints(output_dir)), None)


def write_file_sizes(checkpoint: Path) -> None:
    """Writes `file_sizes.json` into a checkpoint: what `damage` compares it with.

    Args:
        checkpoint (`Path`): a folder that has all other files. A JSON file may be edited later; its size is null.
    """
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file()]
    sizes = {
        path.relative_to(checkpoint).as_posix(): None if path.suffix == ".json" else path.stat().st_size
        for path in files
    }
    (checkpoint / SIZES_FILE).write_text(json.dumps(sizes, indent=2) + "\n", encoding="utf-8")


def damage(checkpoint: Path) -> str | None:
    """What can be seen to be wrong with a checkpoint without loading it: files that are missing or cut off.

    Args:
        checkpoint (`Path`): its folder.

    Returns:
        `str` or None: the first thing that is wrong. Of a checkpoint from before sizes were kept, only the JSON files
            are looked into.
    """
    for path in sorted(checkpoint.iterdir()):
        if not path.is_file() and not path.is_dir():  # reading a device or a pipe may never end
            return f"{path.name} is no file"
    for path in sorted(checkpoint.glob("*.json")):
        try:
            read_json(path)
        except OSError as error:
            return f"{path.name} cannot be read: {error}"
    sizes_file = checkpoint / SIZES_FILE
    sizes = read_json(sizes_file) if sizes_file.exists() else {}
    for name, size in sizes.items():
        path = checkpoint / name
        if not path.is_file():
            return f"{name} is missing"
        if size is not None and path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} of its {shown(size)} bytes"
    return None


def set_aside(checkpoint: Path) -> Path:
    """Renames a damaged checkpoint, so that it is neither resumed nor counted any more.

    Args:
        checkpoint (`Path`): its folder.

    Returns:
        `Path`: the new one.
    """
    aside = checkpoint.with_name(f"{checkpoint.name}.damaged")
    shutil.rmtree(aside, ignore_errors=True)
    return checkpoint.rename(aside)
