# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training for hours with checkpoints, samples and validation, stopped and resumed every few minutes.

Beside it stands the same run of fewer steps that was never stopped: as far as it goes, its losses are equal. The
memory of a process may not grow from its first minutes on, nor the number of files.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import yaml
from local_hub import LocalHub
from warm_processes import WarmProcesses, run_module

from campaign.attempts import Attempts
from campaign.killed_jobs import make_jobs
from nuwa_hf.exit_status import GO_ON
from nuwa_hf.training.nuwa.throughput import Throughput


STEPS = 10**6  # more than there is time for
COMPARED = 200  # steps of the run that is never stopped
OFTEN = {"checkpointing_steps": 20, "sample_every": 25, "checkpoints_total_limit": 2, "sample_sheets": True}
MEGABYTES = 50  # that a process may grow after its first fifth


class Soak:
    """The attack.

    Args:
        work (`Path`): a folder for everything.
        minutes (`float`): from one resume to the next.
    """

    def __init__(self, work: Path, minutes: float):
        self.work, self.seconds = work, 60 * minutes
        (work / "logs").mkdir(parents=True, exist_ok=True)
        with LocalHub() as hub:
            words = make_jobs(work / "inputs", hub)["train"].words
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_OFFLINE": "1"}
        self.processes = WarmProcesses(work / "logs", environment)
        config = Path(words[words.index("--config") + 1])
        settings = {**yaml.safe_load(config.read_text(encoding="utf-8")), **OFTEN, "lr_scheduler": "constant"}
        settings |= {"warmup_ratio": 0.0, "learning_rate": 1e-4}
        self.config = work / "soak.yaml"
        self.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        self.words = [str(self.config) if word == str(config) else word for word in words]

    def start(self, folder: Path, steps: int) -> Any:
        """Start the training, or go on with it.

        Args:
            folder (`Path`): its output.
            steps (`int`): of the whole run.

        Returns:
            the process.
        """
        words = [str(folder) if word == "OUT" else word for word in self.words]
        return self.processes.start(run_module, "nuwa_hf.cli", *words, "--max_train_steps", str(steps))

    def compared(self) -> dict[int, dict[str, float]]:
        """The losses of the run that is never stopped, by step."""
        folder = self.work / "never stopped"
        if not (folder / "pipeline").exists():
            process = self.start(folder, COMPARED)
            process.join()
            if process.exitcode != 0:
                raise RuntimeError(process.errors.read_text(encoding="utf-8")[-2000:])
        return losses(folder)

    def attempt(self, number: int) -> dict[str, Any]:
        """Train until it is time to stop, and look at what is there.

        Args:
            number (`int`): how often it was stopped before.

        Returns:
            `dict[str, Any]`: the verdict, the step, megabytes at the start and at the end, and files.
        """
        folder = self.work / "soak"
        process = self.start(folder, STEPS)
        begin, sizes = time.monotonic(), []
        while time.monotonic() - begin < self.seconds and process.exitcode is None:
            time.sleep(min(5.0, self.seconds / 20))
            if process.exitcode is None:
                sizes.append(psutil.Process(process.pid).memory_info().rss / 2**20)
        if process.exitcode is None:  # by turns: asked to stop, and killed
            os.kill(process.pid, signal.SIGTERM if number % 2 == 0 else signal.SIGKILL)
            process.join(300)
        expected = (GO_ON, -signal.SIGTERM) if number % 2 == 0 else (-signal.SIGKILL,)
        found = [] if process.exitcode in expected else [f"exit status {process.exitcode}"]
        own, right = losses(folder), self.compared()
        both = own.keys() & right.keys()
        found += ["no step"] * (not own)
        found += ["losses differ"] * any(own[step] != right[step] for step in both)
        early = max(sizes[len(sizes) // 10 : len(sizes) // 5 + 1], default=0.0)
        grown = max(sizes[-3:], default=0.0) - early
        found += ["memory grows"] * (grown > MEGABYTES)
        kept = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "samples"]
        checkpoints = list(folder.glob("checkpoint-*"))
        found += ["too many checkpoints"] * (len(checkpoints) > OFTEN["checkpoints_total_limit"] + 1)
        return {
            "verdict": ", ".join(found) or "held",
            "step": max(own, default=0),
            "compared_steps": len(both),
            "megabytes": [round(early, 1), round(early + grown, 1)],
            "files": len(kept),
            "samples": len(list((folder / "samples").glob("*"))),
            "errors": process.errors.read_text(encoding="utf-8")[-500:] if found else "",
        }


def losses(folder: Path) -> dict[int, dict[str, float]]:
    """What `metrics.jsonl` says of each step but for the speed; of validation too."""
    found: dict[int, dict[str, float]] = {}
    if not (folder / "metrics.jsonl").exists():
        return found
    text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    for line in text[: text.rfind("\n") + 1].splitlines():  # a kill may leave part of a line
        values = json.loads(line)
        kept = {name: value for name, value in values.items() if name not in (*Throughput.NAMES, "step")}
        found.setdefault(values["step"], {}).update(kept)
    return found


def run(work: Path, attempts: Attempts, hours: float, minutes: float) -> None:
    """Train for some hours.

    Args:
        work (`Path`): a folder.
        attempts (`Attempts`): where they are written down.
        hours (`float`): how long.
        minutes (`float`): from one resume to the next.
    """
    cases = [{"number": number} for number in range(max(2, round(60 * hours / minutes)))]
    attempts.make(cases, Soak(work, minutes).attempt, "resumes")
