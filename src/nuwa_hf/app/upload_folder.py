# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The folder of an app's uploads and results, in which nothing stays, however it came there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time


KEPT_SECONDS = 3600  # that uploads and results stay on the disk, and from one sweep to the next
PREFIX = "nuwa-app-"


class UploadFolder:
    """A folder for the uploads and results of one app.

    Gradio deletes the files that it knows of. It knows of no upload that broke off, of no file in a field that it does
    not read, and of nothing that an app which was killed has left.

    Args:
        parent (`Path`): where to make it. What apps that were killed have left there is deleted.
    """

    def __init__(self, parent: Path):
        parent.mkdir(parents=True, exist_ok=True)
        for other in parent.glob(f"{PREFIX}*"):
            if _age(other) > 3 * KEPT_SECONDS:  # whoever still runs has swept its own since
                shutil.rmtree(other, ignore_errors=True)
        # Deleted with this object, or when Python ends, at the latest.
        self._folder, self._requests = (
            tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True) for _ in range(2)
        )

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self._folder.name)

    @contextmanager
    def of_request(self) -> Iterator[Path]:
        """A folder for the files of one request, until it is answered.

        Yields:
            `Path`: an empty folder; Gradio copies what it shows of it.
        """
        with tempfile.TemporaryDirectory(dir=self._requests.name, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def sweep(self) -> None:
        """Delete what was last written an hour ago or longer, folders too, but for the files of requests."""
        found = [Path(at, name) for at, folders, files in os.walk(self.path) for name in (*folders, *files)]
        old = [path for path in sorted(found, reverse=True) if _age(path) > KEPT_SECONDS]  # contents first
        for path in old:
            with suppress(OSError):  # gone, or a folder that holds something new
                path.rmdir() if path.is_dir() else path.unlink()
        for folder in (self._folder, self._requests):
            with suppress(OSError):
                os.utime(folder.name)  # says to other apps that this one runs

    def delete(self) -> None:
        """Delete it, with all that is in it."""
        self._folder.cleanup()
        self._requests.cleanup()


def _age(path: Path) -> float:
    """Seconds since something was last written there; none if it is gone."""
    try:
        return time() - path.lstat().st_mtime
    except OSError:
        return 0.0
