# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Commands that are shown, quoted for the shell that they are typed into."""

import os
import shlex
import subprocess
from collections.abc import Sequence


IS_WINDOWS = os.name == "nt"


def shell_line(words: Sequence[str]) -> str:
    """Words of a command as one line that a shell takes apart again.

    Args:
        words (`Sequence[str]`): the program and its arguments, or a part of them.

    Returns:
        `str`: with the quotes of a POSIX shell; on Windows with double ones, since there a single one is a letter.
    """
    return subprocess.list2cmdline(words) if IS_WINDOWS else shlex.join(words)
