# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Files that are whole or not there: written aside and moved to their name."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside `path`, moved there when the block ends well and removed when it does not.

    Args:
        path (`str` or `os.PathLike`): the file to write.

    Yields:
        `Path`: the file to write to instead.

    Raises:
        OSError: If nothing can be written there.
    """
    path = Path(path)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")  # several machines may write the same file
    try:
        yield aside
        aside.replace(path)
    except OSError as error:  # it names the file aside, or none
        raise OSError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        aside.unlink(missing_ok=True)
