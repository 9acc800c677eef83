# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Saved folders that a stranger edited: every reader refuses in one clear error, or reads, and runs no code."""

import random
import shutil
import signal
import traceback
from pathlib import Path
from typing import Any

from campaign.attempts import Attempts
from campaign.folder_edits import edit
from campaign.read_folders import Readers, write_folders, write_sizes_anew


TIME_LIMIT = 20  # seconds
LONGEST = 3000  # letters of a message
CLEAR = (ValueError, TypeError, OSError, FloatingPointError)  # the last where numbers are not finite


class TimeLimitError(BaseException):
    """What nobody takes for an error of a file."""


class HostileFolders:
    """The attack.

    Args:
        work (`Path`): a folder for everything.
    """

    def __init__(self, work: Path):
        self.work = work
        self.whole = work / "whole"
        if not (self.whole / "done").exists():
            shutil.rmtree(self.whole, ignore_errors=True)
            write_folders(self.whole)
            (self.whole / "done").touch()
        self.readers = Readers(self.whole)
        for name, reader in self.readers.items():  # an attack on what cannot be read would say nothing
            print(f"{name} reads what nobody edited")
            reader.read(self._copy(reader.part))

    def attempt(self, loader: str, seed: int) -> dict[str, Any]:
        """Edit a copy, and read it.

        Args:
            loader (`str`): what reads it.
            seed (`int`): of the edit.

        Returns:
            `dict[str, Any]`: the verdict, the edit, what was said.
        """
        rng = random.Random(f"{loader} {seed}")
        trace, reader = self.work / "trace", self.readers[loader]
        folder = self._copy(reader.part)
        row = {"edit": edit(folder, rng, trace)}
        if reader.is_run and rng.random() < 0.7:
            write_sizes_anew(folder)
            row["edit"] += ", sizes written anew"
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(TIME_LIMIT)
        try:
            reader.read(folder)
        except TimeLimitError:
            row["error"] = f"more than {TIME_LIMIT} seconds"
            found = ["takes too long"]
        except CLEAR as error:
            text = str(error)
            row["error"] = f"{type(error).__name__}: {text}"[:600]
            found = ["a message without end"] * (len(text) > LONGEST)
        except BaseException as error:
            row["error"] = traceback.format_exc()[-600:]
            found = [f"another error: {type(error).__name__}"]
        else:
            found = []
            row["error"] = "read"
        finally:
            signal.alarm(0)
        if trace.exists():
            trace.rmdir()
            found.append("code was run")
        return {"verdict": ", ".join(found) or "held", **row}

    def _copy(self, part: str) -> Path:
        copy = self.work / "edited"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.whole / part, copy / part)
        return copy / part


def _too_long(*_: Any) -> None:
    raise TimeLimitError


def run(work: Path, attempts: Attempts, count: int, seed: int, names: list[str]) -> None:
    """Edit `count` folders and read them.

    Args:
        work (`Path`): a folder.
        attempts (`Attempts`): where they are written down.
        count (`int`): edits, dealt to the readers in turn.
        seed (`int`): of the first.
        names (`list[str]`): readers; all if empty.
    """
    folders = HostileFolders(work)
    names = names or list(folders.readers)
    cases = [{"loader": names[number % len(names)], "seed": seed + number // len(names)} for number in range(count)]
    attempts.make(cases, folders.attempt, "folders")
