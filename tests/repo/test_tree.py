# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The tree in docs/architecture.md is the real tree."""

import re
from pathlib import Path


ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LISTED = ("src/nuwa_hf", "conversion_scripts", "benchmarks", "docs", "examples")
# Folders that the tree names without their content.
OPAQUE = {"checkpoints", "clips", "curves", "images", "inputs", "judge", "results"}
NOT_LISTED = {"__init__.py", "py.typed"}


def listed_tree():
    """Paths below the repository's root, folders with a slash at the end, that the page lists."""
    (block,) = re.findall(r"^```text\n(src/nuwa_hf/\n.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    paths, above = [], []
    for line in block.splitlines():
        match = re.fullmatch(r"( *)(\S+)(?: {2,}\S.*)?", line)
        assert match, f"a line of the tree must be a name, two spaces and a text: {line!r}"
        above = [*above[: len(match[1]) // 2], match[2]]
        paths.append("".join(above))
    return paths


def tree_on_disk():
    paths = [f"{folder}/" for folder in LISTED]
    todo = [ROOT / folder for folder in LISTED]
    while todo:
        for path in todo.pop().iterdir():
            relative = path.relative_to(ROOT).as_posix()
            if path.is_dir() and path.name != "__pycache__":
                if path.name in OPAQUE or any(p.is_file() and p.suffix != ".pyc" for p in path.rglob("*")):
                    paths.append(f"{relative}/")
                todo += [] if path.name in OPAQUE else [path]
            elif path.is_file() and path.name not in NOT_LISTED:
                paths.append(relative)
    return paths


def test_tree_is_the_real_tree():
    listed, present = listed_tree(), tree_on_disk()
    assert len(listed) == len(set(listed))
    assert sorted(set(listed) - set(present)) == [], "the page lists what is not there"
    assert sorted(set(present) - set(listed)) == [], "the page misses what is there"
