# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Jobs that are ended in the middle, in several ways, and given again: nothing may be lost but the last steps."""

import ctypes
import errno
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from local_hub import LocalHub
from local_server import free_port
from warm_processes import WarmProcesses, run_module, run_script

from campaign.attempts import Attempts
from campaign.killed_jobs import RUN, Job, make_jobs
from nuwa_hf.exit_status import GO_ON, INTERRUPTED, STOPPED, USER_ERROR


TIME_LIMIT = 600  # seconds; what takes longer hangs
WAYS = {
    "kill": (-signal.SIGKILL,),
    "terminate": (GO_ON, -signal.SIGTERM),
    "interrupt twice": (INTERRUPTED, GO_ON, -signal.SIGINT),
    "death of the parent": (-signal.SIGKILL,),
    "full disk": (USER_ERROR, STOPPED),
    "failing disk": (USER_ERROR, STOPPED),
    "file limit": (USER_ERROR, STOPPED),
    "read-only folder": (USER_ERROR, STOPPED),
    "clock set back": (0,),
}
LEAST_LIMIT = 32_768  # bytes, more than a process writes into its logs
# A checkpoint that cannot be written is in the log, and the run goes on.
WITHOUT_A_CHECKPOINT = ("failing disk", "file limit", "read-only folder")
LEAVES_A_CHECKPOINT = ("terminate", "interrupt twice")
PR_CAPBSET_DROP, RIGHTS_OF_ROOT = 24, (1, 2)  # of Linux: to write and to read what permissions deny
ACTIONS = {"open", "os.rename", "os.mkdir", "os.remove"}


class Kill:
    """The attack: how jobs run undisturbed, and how they are disturbed.

    Args:
        work (`Path`): inputs, outputs, and the outputs of undisturbed jobs.
    """

    def __init__(self, work: Path):
        self.work = work
        (work / "logs").mkdir(parents=True, exist_ok=True)
        self.hub = LocalHub().__enter__()
        self.processes = WarmProcesses(work / "logs", self.hub.client_environment(work / "home"))
        self.jobs = make_jobs(work / "inputs", self.hub)
        self.undisturbed: dict[str, dict[str, Any]] = {}

    def attempt(self, job: str, way: str, seed: int) -> dict[str, Any]:
        """Disturb a job once, look at what is there, give the same command again, and look once more.

        Args:
            job (`str`): its name.
            way (`str`): one of `WAYS`.
            seed (`int`): of the instant.

        Returns:
            `dict[str, Any]`: the verdict, the instant, and the steps that were lost.
        """
        one, before = self.jobs[job], self._undisturbed(job)
        place = random.Random(f"{job} {way} {seed}").random()
        if way == "read-only folder":
            place = max(0.0, 1.5 * place - 0.5)  # a third of them from the start on
        folder = self._folder(f"{job}-{way}-{seed}")
        row: dict[str, Any] = {"place": round(place, 4)}
        if way in ("full disk", "failing disk", "file limit", "clock set back"):
            running = self._start(one, folder, (way, place, before))
        else:
            start = time.monotonic()
            running = self._start(one, folder, (way, place, before) if way == "read-only folder" else None)
            while time.monotonic() < start + place * before["seconds"] and any(one.is_alive() for one in running):
                time.sleep(0.01)
            if all(process.is_alive() for process in running):
                _disturb(running, way, folder)
            else:  # the machine is faster than it was
                before["seconds"] = time.monotonic() - start
        row["codes"] = codes = self._wait(running)
        if way == "read-only folder":
            _change_folders(folder, 0o755)
        if "hangs" in codes:
            return {**row, "verdict": "hangs"}
        if any("Traceback" in text for text in _errors(running)) and way not in ("kill", "death of the parent"):
            row["verdict"] = "traceback"
        if not set(codes) <= {0, *WAYS[way]} and one.number == 1:
            row["verdict"] = row.get("verdict", "exit status")
        between = one.results(folder)
        if way in LEAVES_A_CHECKPOINT:
            between = {name: found for name, found in between.items() if name in before["results"]}
        if not between.items() <= before["results"].items():
            row["verdict"] = "half a result"
        if codes == [0] * one.number:
            row["was over"] = True
            missing = before["results"].keys() - between.keys()
            is_whole = all(way in WITHOUT_A_CHECKPOINT and name.startswith("checkpoint-") for name in missing)
            return {**row, "verdict": row.get("verdict", "held" if is_whole else "other results")}
        steps = _last_step(folder) if one.steps else None
        again = self._start(one, folder, None)
        codes = self._wait(again)
        if codes != [0] * one.number:
            return {**row, "verdict": "does not go on", "again": codes, "errors": _errors(again)[0][-500:]}
        if one.steps:
            row["lost_steps"] = max(0, steps - _resumed_at(_errors(again)[0]))
            if row["lost_steps"] > RUN["checkpointing_steps"] and way not in ("full disk", *WITHOUT_A_CHECKPOINT):
                return {**row, "verdict": "lost too much"}
        after, strays = one.results(folder), _all_names(folder) - before["names"]
        if way in LEAVES_A_CHECKPOINT:  # of a step at which an undisturbed run writes none
            after = {name: found for name, found in after.items() if name in before["results"]}
            strays = {name for name in strays if not name.startswith("checkpoint-")}
        if after != before["results"]:
            return {**row, "verdict": "other results"}
        if strays:
            return {**row, "verdict": "stray files", "strays": sorted(strays)[:5]}
        shutil.rmtree(folder)
        return {"verdict": "held", **row}

    def _folder(self, name: str) -> Path:
        folder = self.work / "out" / name.replace(" ", "-").replace(",", "")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.hub.repositories.pop(f"tester/{folder.name}", None)
        return folder

    def _undisturbed(self, job: str) -> dict[str, Any]:
        """What a job gives that nobody disturbs, how long it takes, how often it acts on files, and its largest."""
        if job not in self.undisturbed:
            one, folder = self.jobs[job], self._folder(f"{job}-undisturbed")
            start = time.monotonic()
            running = self._start(one, folder, ("count", 0, None))
            if self._wait(running) != [0] * one.number:
                raise RuntimeError(f"{job} fails undisturbed: {_errors(running)[0][-2000:]}")
            seconds = time.monotonic() - start
            actions = int((folder / ".actions").read_text())
            (folder / ".actions").unlink()
            self.undisturbed[job] = {
                "results": one.results(folder),
                "names": _all_names(folder),
                "seconds": seconds,
                "actions": actions,
                "largest": max((path.stat().st_size for path in folder.rglob("*") if path.is_file()), default=0),
            }
        return self.undisturbed[job]

    def _start(self, job: Job, folder: Path, fault: tuple[str, float, Any] | None) -> list:
        words = [word.replace("OUT", str(folder)).replace("NAME", folder.name) for word in job.words]
        fault = None if fault is None else (*fault, str(folder))
        if job.number == 1:
            return [self.processes.start(_run, job.script, words, fault)]
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(job.number)}
        return [
            self.processes.start(
                _run, job.script, words, fault if rank == 0 else None, **shared, RANK=str(rank), LOCAL_RANK=str(rank)
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
            _kill_session(process.pid)
            process.join()
        return codes


def _run(script: str | None, words: list[str], fault: tuple | None) -> None:
    """What a process of a job does."""
    os.setsid()
    finish = None if fault is None else _prepare(*fault)
    try:
        if script is None:
            run_module("nuwa_hf.cli", *words)
        else:
            run_script(script, *words)
    finally:
        if finish is not None:
            finish()


def _prepare(way: str, place: float, before: dict[str, Any] | None, folder: str) -> Callable | None:
    """Make this process meet a fault, or count what it does in its folder; then return what writes the number."""
    actions = 0
    if way == "clock set back":
        now, started = time.time, time.monotonic()
        turn = place * before["seconds"]
        time.time = lambda: now() - (3600 if time.monotonic() - started > turn else 0)
        return None
    if way == "file limit":  # strikes in the middle of a file, whatever writes it, and in the processes of this one
        limit = LEAST_LIMIT + int(place * max(0, before["largest"] - LEAST_LIMIT))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return None
    if way == "read-only folder":
        _obey_permissions()
        return None
    fails_at = None if way == "count" else 1 + int(place * before["actions"])

    def act(event: str, arguments: tuple) -> None:
        nonlocal actions
        if event not in ACTIONS or not any(str(one).startswith(folder) for one in arguments[:2]):
            return
        if event == "open" and isinstance(arguments[2], int) and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        actions += 1
        # A disk that is full stays full; one that fails does so once.
        if fails_at is not None and (actions == fails_at or (way == "full disk" and actions > fails_at)):
            number = errno.ENOSPC if way == "full disk" else errno.EIO
            if way == "full disk" and event == "os.remove":
                return
            raise OSError(number, os.strerror(number), str(arguments[0]))

    sys.addaudithook(act)
    return (lambda: Path(folder, ".actions").write_text(str(actions))) if way == "count" else None


def _obey_permissions() -> None:
    """Give up root's right to write everywhere, in this process and in those that it starts."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    failed = libc.capget(header, sets)
    for part in range(3):  # what it has, may have, and hands on
        sets[part] &= ~sum(1 << right for right in RIGHTS_OF_ROOT)
    for right in RIGHTS_OF_ROOT:
        failed |= libc.prctl(PR_CAPBSET_DROP, right, 0, 0, 0)
    if failed | libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "root's right to write everywhere cannot be given up")


def _change_folders(folder: Path, mode: int) -> None:
    for one in (folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())):
        one.chmod(mode)


def _disturb(running: list, way: str, folder: Path) -> None:
    if way == "read-only folder":
        _change_folders(folder, 0o555)
        return
    if way == "death of the parent":
        os.kill(running[0].pid, signal.SIGKILL)  # the processes that it started must end by themselves
        running[0].join()
        _expect_no_orphans(running[0].pid)
        return
    number = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM, "interrupt twice": signal.SIGINT}[way]
    for time_of_signal in range(2 if way == "interrupt twice" else 1):
        time.sleep(0.05 * time_of_signal)
        for process in running:
            _signal_session(process.pid, number)


def _of_session(leader: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                yield process
        except (ProcessLookupError, PermissionError):
            continue


def _signal_session(leader: int, number: int) -> None:
    for process in _of_session(leader):
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _expect_no_orphans(leader: int) -> None:
    for _ in range(200):
        left = [process for process in _of_session(leader) if process.status() != psutil.STATUS_ZOMBIE]
        if not left:
            return
        time.sleep(0.1)
    raise RuntimeError(f"Processes outlive the one that started them: {left}.")


def _kill_session(leader: int) -> None:
    _signal_session(leader, signal.SIGKILL)


def _errors(running: list) -> list[str]:
    """What each process said; one that was killed at once has not opened its file."""
    files = [process.errors for process in running]
    return [file.read_text(encoding="utf-8", errors="replace") if file.exists() else "" for file in files]


def _all_names(folder: Path) -> set[str]:
    """All files, but for locks, logs of trackers and what carries a process's number in its name."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if not name.endswith(".lock") and "/.seconds-" not in f"/{name}"}


def _last_step(folder: Path) -> int:
    file = folder / "metrics.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    steps = [json.loads(line)["step"] for line in lines if line.endswith("}")]
    return max(steps, default=0)


def _resumed_at(errors: str) -> int:
    marks = [line.rpartition("checkpoint-")[2][:6] for line in errors.splitlines() if "checkpoint-" in line]
    numbers = [int(mark) for mark in marks if mark.isdigit()]
    return numbers[0] if numbers else 0


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
