# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A port of this machine for a server in another process, and when it answers there."""

import socket
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(server: subprocess.Popen, url: str, log: Path) -> None:
    """Wait until something answers.

    Args:
        server (`subprocess.Popen`): the process.
        url (`str`): where it will answer.
        log (`Path`): what it writes.

    Raises:
        RuntimeError: If it ends, or does not answer within two minutes.
    """
    for _ in range(1200):
        if server.poll() is not None:
            break
        try:
            urlopen(url).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing answers at {url}: {log.read_text(encoding='utf-8')[-5000:]}")
