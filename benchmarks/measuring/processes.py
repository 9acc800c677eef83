# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Times cases in turn, each in its own process, so that their peak memory can be measured separately."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from benchmarks.measuring.machine import peak_memory, time_interleaved


class ProcessTimes(NamedTuple):
    """Time and memory of a case.

    Args:
        seconds (`list[float]`): of each counted run.
        peak_memory_before (`int`): bytes, once the case was built and had not run.
        peak_memory (`int`): bytes, at the end.
    """

    seconds: list[float]
    peak_memory_before: int
    peak_memory: int


def time_in_processes(
    build: Callable[..., Callable[[], None]],
    cases: dict[str, dict[str, Any]],
    repetitions: int,
    title: str,
    memory: Callable[[], int] = peak_memory,
) -> dict[str, ProcessTimes]:
    """Time and memory of each case.

    Args:
        build (`Callable`): a function of a module; is called with a case's arguments in its process, and returns what
            runs the case once.
        cases (`dict[str, dict]`): name to the arguments.
        repetitions (`int`): counted runs of each, after one that is not.
        title (`str`): before the progress bar.
        memory (`Callable`, defaults to `peak_memory`): a function of a module; gives the peak memory of its process.

    Returns:
        `dict[str, ProcessTimes]`: by name.

    Raises:
        RuntimeError: If a process fails.
    """
    context = multiprocessing.get_context("spawn")
    connections, processes = {}, []
    try:
        for name, arguments in cases.items():
            connections[name], theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, build, arguments, memory), daemon=True)
            process.start()
            theirs.close()  # so that waiting ends if the process fails
            processes.append(process)
        before = {name: connection.recv() for name, connection in connections.items()}

        def ask(connection: Connection) -> float:
            connection.send(True)
            return connection.recv()

        turns = {name: lambda connection=connection: ask(connection) for name, connection in connections.items()}
        seconds = time_interleaved(turns, repetitions, title)
        after = {}
        for name, connection in connections.items():
            connection.send(False)
            after[name] = connection.recv()
    except EOFError as error:
        raise RuntimeError("A case's process stopped; its own error stands above.") from error
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return {name: ProcessTimes(seconds[name], before[name], after[name]) for name in cases}


def _work(
    connection: Connection,
    build: Callable[..., Callable[[], None]],
    arguments: dict[str, Any],
    memory: Callable[[], int],
) -> None:
    """Runs a case each time it receives `True`, and sends its seconds; sends the peak memory at the start and end."""
    run = build(**arguments)
    connection.send(memory())
    while connection.recv():
        start = time.perf_counter()
        run()
        connection.send(time.perf_counter() - start)
    connection.send(memory())
