# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The commands of a page of docs/, run in its order."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from nuwa_hf.cli import main as nuwa_hf_command


ROOT = Path(__file__).parents[2]


def commands_of(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def steps_of(commands):
    return [name for name in (_name_of(command) for command in commands) if name != "install"]


def run_commands(commands, toy, folder):
    """Runs all but the installation and the push, with what makes them small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "examples").symlink_to(ROOT / "examples")
        for command in commands:
            name, (program, _, *flags) = _name_of(command), command
            if program == "python":
                import_module(Path(name).stem).main([*flags, *toy.get(name, [])])
            elif program == "nuwa-hf" and name != "push":
                assert nuwa_hf_command([name, *flags, *toy.get(name, [])]) in (None, 0)


def _name_of(command):
    return command[1] if command[0] != "python" else Path(command[1]).name
