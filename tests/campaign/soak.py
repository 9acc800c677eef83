# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Training for hours with checkpoints, samples and validation, stopped and resumed every few minutes.

Beside it goes the same run, which stops only when this program does: whatever both have logged is equal. The memory of
a process may not grow from its first minutes on, nor the number of files.
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
        self.started: list[Any] = []  # processes, which end with this program
        self.beside = self.start(work / "beside")
        self.early = 0.0  # megabytes of that process in the first minutes

    def start(self, folder: Path) -> Any:
        """Start the training, or go on with it.

        Args:
            folder (`Path`): its output.

        Returns:
            the process.
        """
        words = [str(folder) if word == "OUT" else word for word in self.words]
        self.started.append(self.processes.start(run_module, "nuwa_hf.cli", *words, "--max_train_steps", str(STEPS)))
        return self.started[-1]

    def end(self) -> None:
        """End what still runs, also the run beside."""
        for process in self.started:
            if process.exitcode is None:
                process.kill()
                process.join()

    def attempt(self, number: int) -> dict[str, Any]:
        """Train until it is time to stop, and look at what is there.

        Args:
            number (`int`): how often it was stopped before.

        Returns:
            `dict[str, Any]`: the verdict, the last step, how many steps after the first stop were compared, megabytes
            early and at the end of this process and of the one beside, and what lies in the folder.
        """
        folder = self.work / "soak"
        process = self.start(folder)
        begin, sizes, sizes_beside = time.monotonic(), [], []
        while time.monotonic() - begin < self.seconds and process.exitcode is None:
            time.sleep(min(5.0, self.seconds / 20))
            for each, its_sizes in ((process, sizes), (self.beside, sizes_beside)):
                if each.exitcode is None:
                    its_sizes.append(psutil.Process(each.pid).memory_info().rss / 2**20)
        if process.exitcode is None:  # by turns: asked to stop, and killed
            os.kill(process.pid, signal.SIGTERM if number % 2 == 0 else signal.SIGKILL)
            process.join(300)
        expected = (GO_ON, -signal.SIGTERM) if number % 2 == 0 else (-signal.SIGKILL,)
        found = [f"exit status {process.exitcode}"] * (process.exitcode not in expected)
        own, right = logged(folder), logged(self.work / "beside")
        step = max((line["step"] for line in own), default=0)
        first = self.work / "first_stop.json"
        if not first.exists():
            first.write_text(json.dumps({"step": step, "others": lying(folder)["others"]}), encoding="utf-8")
        at_first_stop = json.loads(first.read_text(encoding="utf-8"))
        different, compared = differing(own, right, at_first_stop["step"])
        memory, memory_beside = early_and_late(sizes), early_and_late(sizes_beside)
        self.early = self.early or memory_beside[0]
        memory_beside[0] = self.early
        lies = lying(folder)
        found += ["no step"] * (not own) + [f"losses differ at step {different}"] * (different is not None)
        found += ["nothing compared after a stop"] * (number > 0 and not compared)
        found += ["the run beside ended"] * (self.beside.exitcode is not None)
        found += ["memory grows"] * any(late > early + MEGABYTES for early, late in (memory, memory_beside))
        found += ["too many checkpoints"] * (lies["checkpoints"] > OFTEN["checkpoints_total_limit"] + 1)
        found += ["files left over"] * (lies["others"] > at_first_stop["others"] + 1)  # one that a kill cut off
        return {
            "verdict": ", ".join(found) or "held",
            "step": step,
            "compared_after_first_stop": compared,
            "megabytes": memory,
            "megabytes_beside": memory_beside,
            **lies,
            "errors": process.errors.read_text(encoding="utf-8")[-500:] if found else "",
        }


def early_and_late(sizes: list[float]) -> list[float]:
    """The most in the second tenth of some minutes, and in the last three looks.

    Args:
        sizes (`list[float]`): in the order of time.

    Returns:
        `list[float]`: both, 0 where nothing was looked at.
    """
    early = sizes[len(sizes) // 10 : len(sizes) // 5 + 1]
    return [round(max(part, default=0.0), 1) for part in (early, sizes[-3:])]


def logged(folder: Path) -> list[dict[str, float]]:
    """The lines of `metrics.jsonl` without the speed: losses, and at some steps those of validation.

    Args:
        folder (`Path`): of a run.

    Returns:
        `list[dict[str, float]]`: each with its `"step"`.
    """
    path = folder / "metrics.jsonl"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]  # a kill may leave part of one
    return [{name: value for name, value in line.items() if name not in Throughput.NAMES} for line in lines]


def differing(own: list[dict[str, float]], right: list[dict[str, float]], first_stop: int) -> tuple[int | None, int]:
    """Compare whatever both runs have logged.

    Args:
        own (`list[dict[str, float]]`): of the run that was stopped.
        right (`list[dict[str, float]]`): of the other.
        first_stop (`int`): the last step before the first stop.

    Returns:
        `tuple[int | None, int]`: the first step at which a value differs, and how many steps after the first stop
        were compared.
    """
    expected: dict[float, dict[str, float]] = {}
    for line in right:
        expected.setdefault(line["step"], {}).update(line)
    # What the other run has not come to yet is not compared; validation comes some time after its step.
    both = [line for line in own if line.keys() <= expected.get(line["step"], {}).keys()]
    different = [int(line["step"]) for line in both if not line.items() <= expected[line["step"]].items()]
    return min(different, default=None), len({line["step"] for line in both if line["step"] > first_stop})


def lying(folder: Path) -> dict[str, int]:
    """How many checkpoints, samples and other files are in the folder of a run, also hidden ones."""
    tops = [path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()]
    checkpoints = [top for top in tops if top.startswith("checkpoint-")]
    return {
        "checkpoints": len(set(checkpoints)),
        "samples": tops.count("samples"),
        "others": len(tops) - len(checkpoints) - tops.count("samples"),
    }


def run(work: Path, attempts: Attempts, hours: float, minutes: float) -> None:
    """Train for some hours.

    Args:
        work (`Path`): a folder.
        attempts (`Attempts`): where they are written down.
        hours (`float`): how long.
        minutes (`float`): from one resume to the next.
    """
    cases = [{"number": number} for number in range(max(2, round(60 * hours / minutes)))]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing trains on without this program
    soak = Soak(work, minutes)
    try:
        attempts.make(cases, soak.attempt, "resumes")
    finally:
        soak.end()
