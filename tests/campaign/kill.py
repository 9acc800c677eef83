# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Jobs that are ended in the middle, in several ways, and given again: nothing may be lost but the last steps."""

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_hub import LocalHub
from local_server import free_port
from warm_processes import WarmProcesses

from campaign.attempts import Attempts
from campaign.killed_jobs import Job, make_jobs
from campaign.strikes import (
    FROM_WITHIN,
    KILLS,
    LEAVES_A_CHECKPOINT,
    WAYS,
    Fault,
    change_folders,
    disturb,
    kill_session,
    run_job,
    wait_for_sessions,
)
from campaign.verdicts import DID_NOT_STRIKE, Seen, goes_on, look, of_resumed, of_stopped, resumed_at, verdict_of


TIME_LIMIT = 600  # seconds; what takes longer hangs
NAMED = 5  # names that a row has of each fault


@dataclass
class Undisturbed:
    """A job that nobody disturbs.

    Args:
        seen (`Seen`): what it leaves.
        seconds (`float`): how long it takes.
        actions (`int`): how often it acts on files of its folder.
        largest (`int`): bytes of the largest of them.
    """

    seen: Seen
    seconds: float
    actions: int
    largest: int


class Kill:
    """The attack: how jobs run undisturbed, and how they are disturbed.

    A job has the same folder each time, for checkpoints hold its name. What did not hold is kept, beside what the job
    leaves undisturbed.

    Args:
        work (`Path`): inputs, outputs, and the outputs of undisturbed jobs.
    """

    def __init__(self, work: Path):
        self.work, self.mark = work, work / "struck"
        (work / "logs").mkdir(parents=True, exist_ok=True)
        self.hub = LocalHub().__enter__()
        self.processes = WarmProcesses(work / "logs", self.hub.client_environment(work / "home"))
        self.jobs = make_jobs(work / "inputs", self.hub)
        self.undisturbed: dict[str, Undisturbed] = {}

    def attempt(self, job: str, way: str, seed: int) -> dict[str, Any]:
        """Disturb a job once, look at what is there, give the same command again, and look once more.

        Args:
            job (`str`): its name.
            way (`str`): one of `WAYS`.
            seed (`int`): of the instant.

        Returns:
            `dict[str, Any]`: the verdict, the instant, whether the disturbance came about and whether the job ended
                well all the same, and the steps that were lost.
        """
        before = self._undisturbed(job)
        place = random.Random(f"{job} {way} {seed}").random()
        if way == "read-only folder":
            place = max(0.0, 1.5 * place - 0.5)  # a third of them from the start on
        folder = self._folder(job)
        row = {"place": round(place, 4), **self._attempt(self.jobs[job], way, place, folder, before)}
        if row["verdict"] in ("held", DID_NOT_STRIKE):
            shutil.rmtree(folder)
        else:
            self._keep(folder, f"{way}-{seed}")
        return row

    def _attempt(self, job: Job, way: str, place: float, folder: Path, before: Undisturbed) -> dict[str, Any]:
        may_add = way in LEAVES_A_CHECKPOINT
        running, is_struck = self._disturbed(job, way, place, folder, before)
        codes = self._wait(running)
        if way == "read-only folder":
            change_folders(folder, 0o755)
        is_over = codes == [0] * job.number
        is_struck = self.mark.exists() if way in FROM_WITHIN else is_struck and not (is_over and way in KILLS)
        row: dict[str, Any] = {"codes": codes, "struck": is_struck}
        if is_over:
            row["was over"] = True
        logs, found = _logs(running), {}
        if "hangs" in codes:
            return {**row, "verdict": "hangs"}
        if any("Traceback" in text for text in logs) and way not in KILLS:
            found["traceback"] = [logs[0][-500:]]
        if job.number == 1 and not set(codes) <= {0, *WAYS[way]}:
            found["exit status"] = [logs[0][-500:]]
        between = look(folder, job.results, job.kept)
        found |= of_stopped(before.seen, between, "\n".join(logs), is_over=is_over, may_add=may_add)
        if not is_over:
            again = self._start(job, folder, None)
            codes, logs = self._wait(again), _logs(again)
            if not goes_on(codes, before.seen, between, keeps_result=job.keeps_result):
                return {**row, "verdict": "does not go on", "again": codes, "errors": logs[0][-500:]}
            after = look(folder, job.results, job.kept)
            found |= of_resumed(before.seen, between, after, logs[0], may_add=may_add)
            if between.step:
                row["lost_steps"] = max(0, between.step - resumed_at(logs[0]))
        row["verdict"] = verdict_of(found, is_struck=is_struck)
        return row | ({"found": {fault: names[:NAMED] for fault, names in found.items()}} if found else {})

    def _disturbed(self, job: Job, way: str, place: float, folder: Path, before: Undisturbed) -> tuple[list, bool]:
        """The processes of a job that is disturbed, and whether that came about from outside."""
        fault = Fault(way, folder, self.mark, place, before.seconds, before.actions, before.largest)
        if way in FROM_WITHIN:
            return self._start(job, folder, fault), False
        running = self._start(job, folder, fault if way == "read-only folder" else None)
        wait_for_sessions(running)
        start = time.monotonic()
        while time.monotonic() < start + place * before.seconds and any(one.is_alive() for one in running):
            time.sleep(0.01)
        if all(process.is_alive() for process in running):
            disturb(running, way, folder)
            return running, way != "read-only folder" or before.actions > 0
        before.seconds = time.monotonic() - start  # the machine is faster than it was
        return running, False

    def _folder(self, job: str) -> Path:
        folder = self.work / "out" / job.replace(" ", "-").replace(",", "")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.hub.repositories.pop(f"tester/{folder.name}", None)
        return folder

    def _keep(self, folder: Path, name: str) -> None:
        kept = folder.with_name(f"{folder.name}-{name.replace(' ', '-')}")
        shutil.rmtree(kept, ignore_errors=True)
        folder.rename(kept)

    def _undisturbed(self, job: str) -> Undisturbed:
        if job not in self.undisturbed:
            one, folder = self.jobs[job], self._folder(job)
            start = time.monotonic()
            running = self._start(one, folder, Fault("count", folder, self.mark))
            if self._wait(running) != [0] * one.number:
                raise RuntimeError(f"{job} fails undisturbed: {_logs(running)[0][-2000:]}")
            seconds, actions = time.monotonic() - start, int(self.mark.read_text())
            largest = max((path.stat().st_size for path in folder.rglob("*") if path.is_file()), default=0)
            seen = look(folder, one.results, one.kept)
            self.undisturbed[job] = Undisturbed(seen, seconds, actions, largest)
            self._keep(folder, "undisturbed")
        return self.undisturbed[job]

    def _start(self, job: Job, folder: Path, fault: Fault | None) -> list:
        self.mark.unlink(missing_ok=True)
        words = [word.replace("OUT", str(folder)).replace("NAME", folder.name) for word in job.words]
        if job.number == 1:
            return [self.processes.start(run_job, job.script, words, fault)]
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(job.number)}
        return [
            self.processes.start(
                run_job,
                job.script,
                words,
                fault if rank == 0 else None,
                **shared,
                RANK=str(rank),
                LOCAL_RANK=str(rank),
            )
            for rank in range(job.number)
        ]

    def _wait(self, running: list) -> list[int | str]:
        """The exit codes, once no process of the job is left."""
        ends = time.monotonic() + TIME_LIMIT
        for place, process in enumerate(running):
            # If one process of several is gone, the others may wait for it for ever; whoever started them ends them.
            process.join(max(0.1, (ends if place == 0 else min(ends, time.monotonic() + 30)) - time.monotonic()))
        codes = ["hangs" if process.exitcode is None else process.exitcode for process in running]
        if len(running) > 1 and any(code not in (0, "hangs") for code in codes):
            codes = [code for code in codes if code != "hangs"]
        for process in running:
            kill_session(process.pid)
            process.join()
        return codes


def _logs(running: list) -> list[str]:
    """What each process said."""
    return [process.errors.read_text(encoding="utf-8", errors="replace") for process in running]


def run(work: Path, attempts: Attempts, count: int, seed: int, names: list[str]) -> None:
    """Kill each job `count` times, and disturb it a fifth as often in other ways, as often in ways that are named.

    Args:
        work (`Path`): a folder.
        attempts (`Attempts`): where they are written down.
        count (`int`): kills of each job.
        seed (`int`): of all instants.
        names (`list[str]`): jobs and ways; all jobs, or all ways, if none is named.
    """
    kill = Kill(work)
    jobs, ways = ([name for name in names if name in known] for known in (kill.jobs, WAYS))
    cases = [
        {"job": job, "way": way, "seed": seed + number}
        for number in range(count)
        for job in jobs or kill.jobs
        for way in ways or WAYS
        if way in ("kill", *ways) or number < max(1, count // 5)
    ]
    attempts.make(cases, kill.attempt, "jobs")
