# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The digest of a file."""

import hashlib
import os


def digest_of_file(path: str | os.PathLike) -> str:
    """The SHA-256 of a file.

    Args:
        path (`str` or `os.PathLike`): the file.

    Returns:
        `str`: hexadecimal.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
