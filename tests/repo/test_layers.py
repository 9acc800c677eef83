# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The rooms of the package import each other as the table in docs/architecture.md says: downwards only."""

import ast
import re
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = "nuwa_hf"


def table_of_rooms():
    """Room to the rooms it may import, in the order of the page."""
    section = PAGE.split("\n## Rooms\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w.]+)` \| .+? \|(.*)\|$", section, flags=re.MULTILINE)
    return {room: re.findall(r"`([\w.]+)`", imported) for room, imported in rows}


def module_name(path):
    parts = path.relative_to(SOURCE / PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


ROOMS = table_of_rooms()
MODULES = {module_name(path): path for path in sorted((SOURCE / PACKAGE).rglob("*.py"))}


def room_of(module):
    """The longest name of a room that the module's name starts with; the package itself is a room too."""
    if module == "":
        return PACKAGE
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len, default=None)


def imports_of(module):
    """The modules of ours that a module imports, inside functions too."""
    path = MODULES[module]
    package = path.relative_to(SOURCE).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == PACKAGE:
                target = name.removeprefix(PACKAGE).removeprefix(".")
                # The last part may be a name within the module.
                found.add(target if target in MODULES else target.rpartition(".")[0])
    return found


IMPORTS = {module: imports_of(module) for module in MODULES}


def reachable(module):
    """All that a module imports, directly or not, itself included only if it imports itself in the end."""
    found, todo = set(), [module]
    while todo:
        for target in IMPORTS[todo.pop()] - found:
            found.add(target)
            todo.append(target)
    return found


def test_every_module_is_in_a_room_and_every_room_is_there():
    assert [module for module in MODULES if room_of(module) is None] == []
    assert {room_of(module) for module in MODULES} == set(ROOMS)


def test_the_table_imports_only_upper_rows():
    seen = []
    for room, imported in ROOMS.items():
        assert set(imported) <= set(seen), f"`{room}` may only import rooms that stand above it in the table"
        seen.append(room)


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_its_row_says(room):
    modules = [module for module in MODULES if room_of(module) == room]
    wrong = [
        f"nuwa_hf.{module} must not import nuwa_hf.{target}"
        for module in modules
        for target in sorted(IMPORTS[module])
        if room_of(target) not in (room, *ROOMS[room])
    ]
    assert wrong == []


def test_no_module_imports_itself_through_others():
    assert [module for module in MODULES if module in reachable(module)] == []


def test_codecs_and_tokenizer_know_nothing_of_the_transformer():
    beside = ("autoencoder", "codec", "fsq_quantizer", "quantizer", "tiling", "tokenization", "vqgan")
    for module in MODULES:
        if module.removeprefix("modeling.").startswith(beside):
            assert {"modeling.modeling_nuwa", "modeling.attention"} & reachable(module) == set(), module
