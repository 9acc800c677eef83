# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Environments that have every package of this one but nuwa_hf, without anything being downloaded."""

import sys
import venv
from pathlib import Path


def environment_without_the_package(folder):
    """Makes one, and returns its interpreter."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for place in [path for path in map(Path, sys.path) if path.name == "site-packages"]:  # the first has precedence
        for path in place.iterdir():
            is_ours = "nuwa_hf" in path.name or path.name.startswith("__editable__") or path.suffix == ".pth"
            if not is_ours and not (packages / path.name).exists():
                (packages / path.name).symlink_to(path)
    return folder / "bin" / "python"
