# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The modules of nuwa_hf that its public names need, and the packages that these import."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, resolve_name


ROOT = "nuwa_hf"
LEFT_OUT = "nuwa_hf.datasets"  # training data, whose pictures are no source; all else that is public draws
OPTIONAL = {"triton"}  # only the backend of that name imports it, where it is installed


@dataclass(frozen=True)
class NeededModules:
    """What a copy of the package consists of.

    Args:
        sources (`dict[str, str]`): each module's source by its full name, sorted.
        packages (`tuple[str, ...]`): which of them are packages.
        requirements (`tuple[str, ...]`): the packages of others that are imported as soon as a pipeline is, sorted.
    """

    sources: dict[str, str]
    packages: tuple[str, ...]
    requirements: tuple[str, ...]


@lru_cache(maxsize=1)
def needed_modules() -> NeededModules:
    """Follow all imports from the package's own, also those in functions and for type checkers.

    Returns:
        `NeededModules`.
    """
    specs: dict[str, ModuleSpec] = {}
    waiting, others = [ROOT], set()
    while waiting:
        name = waiting.pop()
        spec = None if name in specs or name.startswith(LEFT_OUT) else _spec(name)
        if spec is None:
            continue
        specs[name] = spec
        imported = list(_imported(spec))
        ours = {one for one, _ in imported if one.partition(".")[0] == ROOT}
        waiting.extend(part for one in ours for part in (one, one.rpartition(".")[0] or ROOT))
        others |= {one.partition(".")[0] for one, is_at_once in imported if is_at_once and one not in ours}
    return NeededModules(
        sources={name: _source(specs[name]) for name in sorted(specs)},
        packages=tuple(sorted(name for name, spec in specs.items() if spec.submodule_search_locations is not None)),
        requirements=tuple(sorted(others - sys.stdlib_module_names - OPTIONAL)),
    )


def _spec(name: str) -> ModuleSpec | None:
    """The spec of one of our modules; None if the name is that of something in a module."""
    parent = name.rpartition(".")[0]
    if parent and (found := find_spec(parent)).submodule_search_locations is None:
        return None
    try:
        found = find_spec(name)
    except ModuleNotFoundError:  # of a copy, which says that it is not all of the package
        return None
    return found if found is not None and found.origin is not None else None


def _source(spec: ModuleSpec) -> str:
    return spec.loader.get_source(spec.name)


def _imported(spec: ModuleSpec) -> Iterator[tuple[str, bool]]:
    """All names that a module imports, each with whether that happens when the module itself is imported."""
    tree = ast.parse(_source(spec))
    at_once = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), spec.parent) if node.level else node.module
            yield base, id(node) in at_once
            yield from ((f"{base}.{alias.name}", id(node) in at_once) for alias in node.names)
