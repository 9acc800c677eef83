# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The reference: a page for each public name of `nuwa_hf`, and one for each room with everything else in it.

What is public is read off the source, so that it can be compared with what the built site describes.
"""

import ast
import inspect
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import nuwa_hf


ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "nuwa_hf"
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def rooms() -> dict[str, str]:
    """The rooms of the package and what they hold, as the table in docs/architecture.md says."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split("\n## Rooms\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \|.*\|$", section, flags=re.MULTILINE))


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name, as parsed source."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if parts[-1] != "__main__":
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def definitions(tree: ast.Module | ast.ClassDef) -> dict[str, ast.AST]:
    """The public classes and functions of a module, or the public methods of a class, by their names; `__call__` is
    one of them where it has a docstring.
    """
    return {
        node.name: node
        for node in tree.body
        if isinstance(node, DEFINITIONS)
        and (not node.name.startswith("_") or (node.name == "__call__" and ast.get_docstring(node)))
    }


@cache
def homes_of_public_names() -> dict[str, str]:
    """Where each public class and function of `nuwa_hf` is defined: the dotted name to the name in `nuwa_hf`."""
    named = {name: getattr(nuwa_hf, name) for name in nuwa_hf.__all__}
    return {
        f"{value.__module__}.{value.__qualname__}": f"nuwa_hf.{name}"
        for name, value in named.items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }


def reference() -> dict[str, str]:
    """Every public class, function and method: where it is defined, to the name under which the reference has it."""
    public, names = homes_of_public_names(), {}
    for module, tree in modules().items():
        for name, node in definitions(tree).items():
            home = f"{module}.{name}"
            names[home] = public.get(home, home)
            if isinstance(node, ast.ClassDef):
                names |= {f"{home}.{method}": f"{names[home]}.{method}" for method in definitions(node)}
    return names


def type_variables() -> list[str]:
    """The dotted names of the modules' type variables, which signatures show and no page describes."""
    found = []
    for module, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("TypeVar("):
                found.append(f"{module}.{node.targets[0].id}")
    return found


def room_of(module: str, among: dict[str, str]) -> str:
    """The room that a module belongs to: the longest name of a room that its name begins with."""
    inner = module.removeprefix("nuwa_hf").removeprefix(".")
    return max((room for room in among if f"{inner}.".startswith(f"{room}.")), key=len, default="nuwa_hf")


def api_pages() -> dict[str, str]:
    """The pages of the reference: their paths in the site's sources, and their reStructuredText."""
    public, described = homes_of_public_names(), rooms()
    pages = {f"reference/{name}.rst": _page_of_name(name) for name in nuwa_hf.__all__}
    sections = {room: [] for room in described}
    for module, tree in modules().items():
        if module != "nuwa_hf":
            room = room_of(module, described)
            sections[room].append(_section(module, tree, public, room))
    del sections["nuwa_hf"]
    for room, parts in sections.items():
        pages[f"reference/rooms/{room}.rst"] = _heading(f"nuwa_hf.{room}", "=") + "".join(parts)
    pages["reference/index.rst"] = _index({room: described[room] for room in sections})
    return pages


def _page_of_name(name: str) -> str:
    home = next((home for home, public in homes_of_public_names().items() if public == f"nuwa_hf.{name}"), None)
    if home is None:
        return f"{_heading(name, '=')}.. py:data:: nuwa_hf.{name}\n\n   {_docstring_of_data(name)}\n"
    module, _, inner = home.rpartition(".")
    return _heading(name, "=") + _directive(definitions(modules()[module])[inner], f"nuwa_hf.{name}")


def _docstring_of_data(name: str) -> str:
    """The text behind a public name's assignment, wherever that is."""
    for tree in modules().values():
        for node, after in pairwise(tree.body):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            is_documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if is_documented and any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return after.value.value
    raise ValueError(f"`{name}` must have a docstring behind its assignment, got none; write one.")


def _section(module: str, tree: ast.Module, public: dict[str, str], room: str) -> str:
    """A module with its own docstring, and all of its public classes and functions."""
    title = "" if module == f"nuwa_hf.{room}" else _heading(module.removeprefix("nuwa_hf."), "-")
    text = f"{title}.. automodule:: {module}\n\n"
    for name, node in definitions(tree).items():
        home = f"{module}.{name}"
        if home in public:
            text += f":doc:`/reference/{public[home].removeprefix('nuwa_hf.')}` has a page of its own.\n\n"
        else:
            text += _directive(node, home)
    return text


def _directive(node: ast.AST, name: str) -> str:
    if not isinstance(node, ast.ClassDef):
        return f".. autofunction:: {name}\n\n"
    return f".. autoclass:: {name}\n   :members:\n{'   :show-inheritance:' if node.bases else ''}\n\n"


def _heading(title: str, line: str) -> str:
    return f"{title}\n{line * len(title)}\n\n"


def _summary(name: str) -> str:
    """The first sentence of what a public name's docstring says."""
    value = getattr(nuwa_hf, name)
    is_data = f"nuwa_hf.{name}" not in homes_of_public_names().values()
    text = _docstring_of_data(name) if is_data else inspect.getdoc(value)
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[^.][.:]) ", paragraph)[0].rstrip(":.") + "."


def _index(described: dict[str, str]) -> str:
    names = "".join(f"   * - :doc:`{name}`\n     - {_summary(name)}\n" for name in nuwa_hf.__all__)
    documents = "".join(f"   {name}\n" for name in [*nuwa_hf.__all__, *(f"rooms/{room}" for room in described)])
    rows = "".join(
        f"   * - :doc:`rooms/{room}`\n     - {text.replace('`', '``')}\n" for room, text in described.items()
    )
    return (
        f"{_heading('Python', '=')}Everything in the first list can be imported from ``nuwa_hf``. The modules behind"
        " it are sorted into rooms.\n\n"
        f"{_heading('Public names', '-')}.. list-table::\n   :widths: 45 55\n\n{names}\n"
        f"{_heading('Rooms', '-')}.. list-table::\n   :widths: 25 75\n\n{rows}\n"
        f".. toctree::\n   :hidden:\n   :maxdepth: 1\n\n{documents}"
    )
