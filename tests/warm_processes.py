# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Processes of their own that can be killed and have their own environment, without the seconds that imports take.

They are forked from one that has imported everything and done nothing else.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import forkserver
from pathlib import Path

import pytest
from local_server import free_port


IMPORTED = [
    "nuwa_hf.cli.run_task",
    "nuwa_hf.training.nuwa.train_nuwa",
    "nuwa_hf.training.tokens.tokenize_dataset",
    "nuwa_hf.training.vqgan.train_vqgan",
    "peft",
    "torch.distributed.fsdp",
]


class WarmProcesses:
    """Starts functions of test modules, scripts and modules, each in a process of its own.

    `environment` is that of the process from which all are forked: what is read at import, such as the Hub's address,
    is the same for all of them. `imported` are further modules that it imports.
    """

    def __init__(self, folder: Path, environment: dict[str, str], imported: Sequence[str] = ()):
        self.folder, self.count = folder, 0
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload([*IMPORTED, *imported])
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            forkserver.ensure_running()

    def start(self, function, *arguments, cwd=".", **environment):
        """A process that runs the function; what it writes is in the files `process.output` and `process.errors`."""
        self.count += 1
        files = [self.folder / f"{self.count}.{name}" for name in ("output", "errors")]
        for file in files:
            file.write_bytes(b"")  # whatever an earlier one with its number has left
        process = self.context.Process(
            target=_run, args=(function, arguments, os.path.abspath(cwd), environment, files)
        )
        process.start()
        process.output, process.errors = files
        return process

    def run(self, function, *arguments, timeout=300, **options):
        """As `subprocess.run` would, with the text of both outputs."""
        process = self.start(function, *arguments, **options)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(str(function), timeout)
        texts = [file.read_text(encoding="utf-8") for file in (process.output, process.errors)]
        return subprocess.CompletedProcess(str(function), process.exitcode, *texts)


def start_processes(processes, function, *arguments, number=2, **environment):
    """Several that find each other by the variables that torchrun sets."""
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(number)}
    environment = {**environment, **address, "LOCAL_WORLD_SIZE": str(number)}
    return [
        processes.start(function, *arguments, **environment, RANK=str(rank), LOCAL_RANK=str(rank))
        for rank in range(number)
    ]


def run_script(path, *arguments):
    """What `python path *arguments` does, as a function."""
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, os.path.dirname(path))
    runpy.run_path(str(path), run_name="__main__")


def run_module(name, *arguments):
    """What `python -m name *arguments` does, as a function."""
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run(function, arguments, folder, environment, files):
    import torch

    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what they start behind `&` ignore Ctrl-C
    os.chdir(folder)
    os.environ.update(environment)
    torch.set_num_threads(1)
    function(*arguments)
