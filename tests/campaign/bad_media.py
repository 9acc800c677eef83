# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Damaged and greedy files through everything that reads one: a right result or one clear line, in bounded time."""

import json
import os
import resource
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from warm_processes import WarmProcesses

from campaign import other_decoder
from campaign.attempts import Attempts
from campaign.media_readers import look_at
from campaign.seed_media import (
    ANIMATIONS,
    REFUSED,
    SKETCHES,
    VIDEO_FILES,
    mutate,
    write_greedy_files,
    write_seed_files,
)


SECONDS = 180  # for all readers; a greedy animation is decoded for up to a minute before it is refused
MEMORY = 3 * 2**30  # of addresses beyond those that the process begins with


def _in_process(path: str, answer: str) -> None:
    warnings.simplefilter("ignore")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    Path(answer).write_text(json.dumps(look_at(Path(path))), encoding="utf-8")


class BadMedia:
    """The attack.

    Args:
        work (`Path`): a folder for everything.
    """

    def __init__(self, work: Path):
        self.work = work
        (work / "logs").mkdir(parents=True, exist_ok=True)
        if not (work / "greedy").exists():
            write_seed_files(work / "seeds")
            write_greedy_files(work / "greedy")
        self.seeds = sorted((work / "seeds").iterdir())
        self.greedy = sorted((work / "greedy").iterdir())
        self.whole = [path.read_bytes() for path in self.seeds]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.processes = WarmProcesses(work / "logs", environment, ["campaign.warm_readers"])

    def attempt(self, file: str, seed: int | None) -> dict[str, Any]:
        """Try one file, or a damaged copy of it.

        Args:
            file (`str`): its name.
            seed (`int`, *optional*): of the damage; None for the file as it is.

        Returns:
            `dict[str, Any]`: the verdict, seconds, what was said. A good file that is refused has not held.
        """
        path = next(path for path in (*self.seeds, *self.greedy) if path.name == file)
        if seed is not None:
            data = mutate(path.read_bytes(), np.random.default_rng([seed, len(file)]), self.whole)
            path = self.work / f"damaged-{seed}-{file}"
            path.write_bytes(data)
        answer = self.work / "answer.json"
        answer.unlink(missing_ok=True)
        start = time.monotonic()
        process = self.processes.start(_in_process, str(path), str(answer))
        process.join(SECONDS)
        seconds = round(time.monotonic() - start, 2)
        if process.exitcode is None:
            process.kill()
            return {"verdict": "hangs", "seconds": seconds}
        if not answer.exists():
            errors = process.errors.read_text(encoding="utf-8", errors="replace")
            return {"verdict": "crash", "code": process.exitcode, "seconds": seconds, "errors": errors[-600:]}
        found = json.loads(answer.read_text(encoding="utf-8"))
        if found["faults"]:
            return {"verdict": "fault", "seconds": seconds, **found}
        is_good = seed is None and path in self.seeds and file not in REFUSED
        refused = [
            name for name in found["said"] if should_read(file, name) not in (None, found["said"][name] == "read")
        ]
        if is_good and refused:
            return {"verdict": "refused", "seconds": seconds, **found}
        if seed is not None:
            path.unlink()
        for log in (process.output, process.errors):
            log.unlink(missing_ok=True)
        return {"verdict": "held", "seconds": seconds, "said": found["said"]}


def should_read(file: str, reader: str) -> bool | None:
    """Whether a good file is read by a reader: a clip may be a still, and an image the first frame of an animation.

    Args:
        file (`str`): its name.
        reader (`str`): a key of what `look_at` says.

    Returns:
        `bool` or None: None for animations in a data set, some of which are too short.
    """
    if reader == "sketch":
        return file in SKETCHES
    if reader in ("data set", "tokenize"):
        return None if file in ANIMATIONS else file in VIDEO_FILES
    return reader not in ("image", "app, image") or file not in VIDEO_FILES


def run(work: Path, attempts: Attempts, count: int, seed: int) -> None:
    """Try the good and the greedy files, and `count` damaged copies; the good ones are also read by OpenCV.

    Args:
        work (`Path`): a folder.
        attempts (`Attempts`): where they are written down.
        count (`int`): damaged copies.
        seed (`int`): of all damage.
    """
    media = BadMedia(work)
    cases = [{"file": path.name, "seed": None} for path in (*media.seeds, *media.greedy)]
    cases += [{"file": media.seeds[number % len(media.seeds)].name, "seed": seed + number} for number in range(count)]
    attempts.make(cases, media.attempt, "files")
    if find_spec("cv2") is None:
        print("OpenCV is not installed, so that the pixels of good files are not compared.")
        return
    good = [path for path in media.seeds if path.name not in REFUSED]
    cases = [{"file": path.name, "decoder": "OpenCV"} for path in good]
    attempts.make(cases, lambda file, decoder: other_decoder.compare(work / "seeds" / file), "good files")
