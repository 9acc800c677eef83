# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A lock on the folder of a run, so that no second run writes to it."""

import errno
import logging
import os
import socket
from pathlib import Path
from typing import Self, TextIO

from accelerate import Accelerator

from nuwa_hf.training.run.processes import first_in_any_process


try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


logger = logging.getLogger(__name__)

LOCK_FILE = ".run.lock"
WITHOUT_LOCKS = "%s has no locks, so that a second run in it would not be noticed."
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what file systems without locks answer


class RunLock:
    """Holds the folder of a run until the block that it opens ends.

    The lock is the kernel's, on the file `.run.lock`, and goes with the process that holds it, however that ends. The
    processes that load data do not inherit it. Over NFS it needs the server's lock service; where there are no locks,
    a warning says so and the run goes on.

    Example:
        >>> with RunLock() as lock:
        ...     lock.take("runs/nuwa", accelerator)
    """

    def __init__(self):
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        if self._file is not None:
            self._file.close()

    def take(self, output_dir: str | os.PathLike, accelerator: Accelerator) -> None:
        """Locks the folder in the main process. If there are several, each must call this.

        Args:
            output_dir (`str` or `os.PathLike`): a folder that is there.
            accelerator (`Accelerator`): says which process is the main one.

        Raises:
            ValueError: In every process, if another run holds it; the message says which process on which machine.
        """
        holder = first_in_any_process(self._hold(Path(output_dir)) if accelerator.is_main_process else None)
        if holder is not None:
            raise ValueError(
                f"`output_dir` must not be in use, got {str(output_dir)!r}, to which {holder} is writing; wait for "
                "it, end it, or choose another folder."
            )

    def _hold(self, output_dir: Path) -> str | None:
        """Locks the file, or returns who holds it."""
        if fcntl is None:
            logger.warning(WITHOUT_LOCKS, output_dir)
            return None
        self._file = (output_dir / LOCK_FILE).open("a+", encoding="utf-8")
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in NO_LOCKS:
                logger.warning(WITHOUT_LOCKS, output_dir)
                return None
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            self._file.seek(0)
            return self._file.read().strip() or "another run"
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        self._file.flush()
        return None
