# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Imports a package from sources in memory, where it is not installed.

`one_file` writes this module's code into a checkpoint, in front of the sources, so it imports nothing of nuwa_hf.
"""

import logging
import sys
from collections.abc import Mapping
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any


class CopiedPackage(MetaPathFinder, ExecutionLoader):
    """Finds and loads a package's modules in a dictionary.

    Args:
        sources (`Mapping[str, str]`): each module's source by its full name; a package's is that of its `__init__`.
        packages (`frozenset[str]`): which of them are packages.
        origin (`str`): the file that the sources came in; tracebacks name paths below it, which do not exist.
    """

    def __init__(self, sources: Mapping[str, str], packages: frozenset[str], origin: str):
        self.sources = sources
        self.packages = packages
        self.origin = origin
        self.root = min(sources, key=len)

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of a module of the package, None for other modules.

        Args:
            fullname (`str`): the module's full name.
            path: not used.
            target: not used.

        Returns:
            `ModuleSpec` or None.

        Raises:
            ModuleNotFoundError: If the package has such a module, perhaps, but not this copy.
        """
        if fullname.partition(".")[0] != self.root:
            return None
        if fullname not in self.sources:
            raise ModuleNotFoundError(
                f"{fullname} is not in the copy of {self.root} that came with the checkpoint; `pip install "
                f"{self.root}` has all of it.",
                name=fullname,
            )
        return spec_from_file_location(fullname, self.get_filename(fullname), loader=self)

    def get_source(self, fullname: str) -> str:
        """A module's source.

        Args:
            fullname (`str`): its full name.

        Returns:
            `str`.
        """
        return self.sources[fullname]

    def is_package(self, fullname: str) -> bool:
        """Whether a module is a package.

        Args:
            fullname (`str`): its full name.

        Returns:
            `bool`.
        """
        return fullname in self.packages

    def get_filename(self, fullname: str) -> str:
        """The path that tracebacks name.

        Args:
            fullname (`str`): the module's full name.

        Returns:
            `str`.
        """
        path = Path(self.origin, *fullname.split("."))
        return str(path / "__init__.py" if self.is_package(fullname) else path.with_suffix(".py"))


def provide(sources: Mapping[str, str], packages: frozenset[str], origin: str) -> None:
    """Makes a package importable from its sources, unless it is installed or another copy of it has been imported.

    Args:
        sources (`Mapping[str, str]`): as for `CopiedPackage`.
        packages (`frozenset[str]`): as for `CopiedPackage`.
        origin (`str`): as for `CopiedPackage`.
    """
    root = min(sources, key=len)
    # By name: each checkpoint brings a class of its own.
    found = next((finder for finder in sys.meta_path if type(finder).__name__ == CopiedPackage.__name__), None)
    if found is not None:
        if found.sources != sources:
            logging.getLogger(root).warning(
                "This process has imported the copy of %s in %s before; it is used for the checkpoint of %s too. Load "
                "each in a process of its own, or `pip install %s`, if they need different versions.",
                root,
                found.origin,
                origin,
                root,
            )
        return
    spec = find_spec(root)
    if spec is None or spec.origin is None:  # a folder of that name, without code, is no installation
        sys.meta_path.insert(0, CopiedPackage(sources, packages, origin))
