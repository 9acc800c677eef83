# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Damaged and greedy files through pipelines and data sets: a right result or one clear line, in bounded time."""

import json
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clip_folders import write_metadata
from tiny import FRAME_SIZE, tiny_inputs, tiny_pipeline
from warm_processes import WarmProcesses

from campaign.attempts import Attempts
from campaign.seed_media import REFUSED, mutate, write_greedy_files, write_seed_files
from nuwa_hf import NuwaImageCompletionPipeline, NuwaSketchToImagePipeline
from nuwa_hf.datasets.captioned_media import CaptionedMedia
from nuwa_hf.datasets.open_dataset import open_dataset


SECONDS = 180  # for four readers; a greedy animation is decoded for up to a minute before it is refused
MEMORY = 3 * 2**30  # of addresses beyond those that the process begins with


def look_at(path: Path) -> dict[str, Any]:
    """Give a file to everything that reads one.

    Args:
        path (`Path`): the file.

    Returns:
        `dict[str, Any]`: of each reader "read" or the kind of refusal, and what went wrong under "faults".
    """
    pipeline, faults, said = tiny_pipeline("V2V"), [], {}
    inputs = tiny_inputs("I2I")
    readers = {
        "video": lambda: pipeline.check_inputs(video=path, num_frames=3).pixels,
        "image": lambda: (
            NuwaImageCompletionPipeline.from_pipe(pipeline).check_inputs(image=path, mask=inputs["mask"]).pixels
        ),
        "sketch": lambda: NuwaSketchToImagePipeline.from_pipe(pipeline).check_inputs(sketch=path).sketches,
        "data set": lambda: _first_sample(path),
    }
    for name, reader in readers.items():
        try:
            found = reader()
        except (ValueError, OSError) as error:
            said[name] = type(error).__name__
            text = str(error)
            if name != "data set" and not text.startswith(f"`{name}` must"):
                faults.append(f"{name}: does not name the argument: {text[:200]}")
            if "\n" in text.strip():
                faults.append(f"{name}: more than one line: {text[:200]}")
        except BaseException:
            faults.append(f"{name}: {traceback.format_exc()[-600:]}")
        else:
            said[name] = "read"
            if found is not None and not _is_valid(found):
                faults.append(f"{name}: a wrong result of shape {tuple(found.shape)}")
    return {"said": said, "faults": faults}


def _is_valid(found: torch.Tensor) -> bool:
    width, height = FRAME_SIZE
    if found.shape[-2:] != (height, width):
        return False
    return bool(found.isfinite().all() and found.min() >= 0 and (found.dtype == torch.int64 or found.max() <= 1))


def _first_sample(path: Path) -> torch.Tensor | None:
    width, height = FRAME_SIZE
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / path.name).symlink_to(path)
        write_metadata(Path(folder), [{"file_name": path.name, "text": "a clip"}])
        media = CaptionedMedia(open_dataset(folder), height=height, width=width, num_frames=3)
        for number, row in media.rows(0):
            for sample in media.reader.read(number, row):
                clip = torch.from_numpy(np.asarray(sample["video"]))
                return clip.permute(0, 3, 1, 2).float() / 255
    return None


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
        if is_good and found["said"]["video"] != "read":  # which takes pictures too, as clips of one frame
            return {"verdict": "refused", "seconds": seconds, **found}
        if seed is not None:
            path.unlink()
        for log in (process.output, process.errors):
            log.unlink(missing_ok=True)
        return {"verdict": "held", "seconds": seconds, "said": found["said"]}


def run(work: Path, attempts: Attempts, count: int, seed: int) -> None:
    """Try the good and the greedy files, and `count` damaged copies.

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
