# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Runs that are told to stop, and a second run in the same folder."""

import errno
import os
import signal
import socket
import time

import pytest
from accelerate import Accelerator
from test_run_state import Run

from nuwa_hf.exit_status import StoppedEarly
from nuwa_hf.training.run import checkpoint_files, run_lock
from nuwa_hf.training.run.preemption import SIGNALS, Preemption
from nuwa_hf.training.run.run_checkpoints import complete_checkpoints, damage
from nuwa_hf.training.run.run_lock import LOCK_FILE, RunLock


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_run_after_its_step_with_a_checkpoint_and_handlers_are_put_back(tmp_path, number):
    before = signal.getsignal(number)
    run = Run(tmp_path)
    with Preemption() as preemption:
        run.train(1)
        preemption.stop_if_asked(run.state)
        signal.raise_signal(number)
        run.train(1)
        with pytest.raises(StoppedEarly, match=rf"after step 2 of 8 \({number.name}\); the same .*checkpoint-000002"):
            preemption.stop_if_asked(run.state)
    assert [path.name for path in complete_checkpoints(tmp_path)] == ["checkpoint-000002"]
    assert signal.getsignal(number) is before


def test_signals_end_a_run_where_no_call_is_interrupted(tmp_path, monkeypatch):
    """Training ended in an AttributeError before its first step where `signal` has no `siginterrupt`."""
    monkeypatch.delattr(signal, "siginterrupt")
    test_a_signal_ends_the_run_after_its_step_with_a_checkpoint_and_handlers_are_put_back(tmp_path, signal.SIGTERM)


def test_signals_during_a_checkpoint_leave_it_whole_and_it_is_not_written_again(tmp_path, monkeypatch):
    write = checkpoint_files.write_arguments

    def write_and_signal(*arguments):
        for number in (*SIGNALS, *SIGNALS):
            signal.raise_signal(number)
        write(*arguments)

    monkeypatch.setattr(checkpoint_files, "write_arguments", write_and_signal)
    run = Run(tmp_path).train(3)
    with Preemption() as preemption:
        checkpoint = run.state.save()
        written = checkpoint.stat()
        with pytest.raises(StoppedEarly):
            preemption.stop_if_asked(run.state)
    assert damage(checkpoint) is None
    assert (checkpoint.stat().st_ino, checkpoint.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_a_run_stops_when_its_hours_are_over_but_not_when_it_is_done(tmp_path):
    run = Run(tmp_path).train(1)
    with Preemption(max_hours=1) as enough, Preemption(max_hours=1e-9) as over:
        enough.stop_if_asked(run.state)
        with pytest.raises(StoppedEarly, match="`max_train_hours` of 1e-09 are over"):
            over.stop_if_asked(run.state)
        run.train(run.state.arguments.max_train_steps - 1)
        over.stop_if_asked(run.state)


def test_a_second_run_is_refused_until_the_first_has_ended_or_died(tmp_path, processes):
    holder, other = processes.start(hold, tmp_path), tmp_path / "other"
    wait_for(other.exists)
    message = f"`output_dir` must not be in use, .* process {holder.pid} on {socket.gethostname()} is writing"
    with RunLock() as lock, pytest.raises(ValueError, match=message):
        lock.take(tmp_path, Accelerator(cpu=True))
    holder.kill()
    try:
        wait_for(lambda: is_free(tmp_path))
    finally:
        os.kill(int(other.read_text()), signal.SIGKILL)
    assert (tmp_path / LOCK_FILE).read_text() == f"process {os.getpid()} on {socket.gethostname()}\n"


@pytest.mark.parametrize("lacking", ["Windows", "file system"])
def test_where_there_are_no_locks_a_warning_says_so_and_the_run_goes_on(tmp_path, monkeypatch, caplog, lacking):
    """Windows had neither a lock nor the warning."""

    def lockf(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    if lacking == "Windows":
        monkeypatch.setattr(run_lock, "fcntl", None)
    else:
        monkeypatch.setattr(run_lock.fcntl, "lockf", lockf)
    with RunLock() as lock:
        lock.take(tmp_path, Accelerator(cpu=True))
    assert f"{tmp_path} has no locks, so that a second run in it would not be noticed." in caplog.messages


def hold(folder):
    """Takes the lock, forks a process that outlives this one, as those that load data do, and waits."""
    with RunLock() as lock:
        lock.take(folder, Accelerator(cpu=True))
        child = os.fork()
        if child > 0:
            (folder / "other.part").write_text(str(child))
            (folder / "other.part").rename(folder / "other")
        time.sleep(60)


def is_free(folder):
    with RunLock() as lock:
        try:
            lock.take(folder, Accelerator(cpu=True))
        except ValueError:
            return False
    return True


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
