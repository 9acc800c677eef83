# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The ways in which a job is disturbed, from outside or within its process, and whether that came about."""

import ctypes
import errno
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from warm_processes import run_module, run_script

from nuwa_hf.exit_status import GO_ON, INTERRUPTED, STOPPED, USER_ERROR


WAYS = {  # with what a job may end, but for 0
    "kill": (-signal.SIGKILL,),
    "terminate": (GO_ON, -signal.SIGTERM),
    "interrupt twice": (INTERRUPTED, GO_ON, -signal.SIGINT),
    "death of the parent": (-signal.SIGKILL,),
    "full disk": (USER_ERROR, STOPPED),
    "failing disk": (USER_ERROR, STOPPED),
    "file limit": (USER_ERROR, STOPPED),
    "read-only folder": (USER_ERROR, STOPPED),
    "clock set back": (),
}
FROM_WITHIN = ("full disk", "failing disk", "file limit", "clock set back")  # the process meets them by itself
KILLS = ("kill", "death of the parent")  # after which no job ends well
LEAVES_A_CHECKPOINT = ("terminate", "interrupt twice")
LEAST_LIMIT = 32_768  # bytes, more than a process writes into its logs
PR_CAPBSET_DROP, RIGHTS_OF_ROOT = 24, (1, 2)  # of Linux: to write and to read what permissions deny
ACTIONS = {"open", "os.rename", "os.mkdir", "os.remove"}


@dataclass(frozen=True)
class Fault:
    """What a process meets by itself, or is counted.

    Args:
        way (`str`): one of `WAYS`, or "count" for how often it acts on files.
        folder (`Path`): its output.
        mark (`Path`): a file elsewhere, which is written once the fault came about; with the number, if it is counted.
        place (`float`, defaults to 0.0): when, from 0 to 1.
        seconds (`float`, defaults to 0.0): how long the job takes undisturbed.
        actions (`int`, defaults to 0): how often it acts on files.
        largest (`int`, defaults to 0): bytes of its largest file.
    """

    way: str
    folder: Path
    mark: Path
    place: float = 0.0
    seconds: float = 0.0
    actions: int = 0
    largest: int = 0


def run_job(script: str | None, words: list[str], fault: Fault | None) -> None:
    """What a process of a job does."""
    os.setsid()
    finish = None if fault is None else _prepare(fault)
    try:
        if script is None:
            run_module("nuwa_hf.cli", *words)
        else:
            run_script(script, *words)
    finally:
        if finish is not None:
            finish()


def wait_for_sessions(running: list) -> None:
    """Wait until each process of a job leads its own session, by which it is found with all that it starts."""
    while any(process.is_alive() and _session_of(process.pid) != process.pid for process in running):
        time.sleep(0.01)


def disturb(running: list, way: str, folder: Path) -> None:
    """Do to a job what its processes do not meet by themselves."""
    if way == "read-only folder":
        change_folders(folder, 0o555)
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


def change_folders(folder: Path, mode: int) -> None:
    """Change who may write into a folder and those in it."""
    for one in (folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())):
        one.chmod(mode)


def kill_session(leader: int) -> None:
    """End all processes that a job's process started."""
    _signal_session(leader, signal.SIGKILL)


def _prepare(fault: Fault) -> Callable | None:
    """Make this process meet a fault, or count what it does in its folder; then return what writes the number."""
    actions = 0
    if fault.way == "clock set back":
        _set_back(fault)
        return None
    if fault.way == "file limit":  # strikes in the middle of a file, whatever writes it, and in the processes of this
        limit = LEAST_LIMIT + int(fault.place * max(0, fault.largest - LEAST_LIMIT))
        signal.signal(signal.SIGXFSZ, lambda *_: fault.mark.touch())  # Python ignores it: the call fails all the same
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return None
    if fault.way == "read-only folder":
        _obey_permissions()
        return None
    is_full, folder = fault.way == "full disk", str(fault.folder)
    fails_at = None if fault.way == "count" else 1 + int(fault.place * fault.actions)

    def act(event: str, arguments: tuple) -> None:
        nonlocal actions
        if event not in ACTIONS or not any(str(one).startswith(folder) for one in arguments[:2]):
            return
        if event == "open" and isinstance(arguments[2], int) and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        actions += 1
        # A disk that is full stays full; one that fails does so once.
        if fails_at is not None and (actions == fails_at or (is_full and actions > fails_at)):
            number = errno.ENOSPC if is_full else errno.EIO
            if is_full and event == "os.remove":
                return
            fault.mark.touch()
            raise OSError(number, os.strerror(number), str(arguments[0]))

    sys.addaudithook(act)
    return (lambda: fault.mark.write_text(str(actions))) if fault.way == "count" else None


def _set_back(fault: Fault) -> None:
    """Set the clock of this process back by an hour, from some time on."""
    now, turn = time.time, time.monotonic() + fault.place * fault.seconds
    is_marked = False

    def clock() -> float:
        nonlocal is_marked
        if time.monotonic() <= turn:
            return now()
        if not is_marked:
            is_marked = True
            fault.mark.touch()
        return now() - 3600

    time.time = clock


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


def _session_of(number: int) -> int | None:
    try:
        return os.getsid(number)
    except (ProcessLookupError, PermissionError):
        return None


def _of_session(leader: int) -> Iterator[psutil.Process]:
    return (process for process in psutil.process_iter() if _session_of(process.pid) == leader)


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
