# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Do something when modules have been imported, whoever imports them and whenever, without importing them oneself.

The import system asks the finders of `sys.meta_path` for every module. One of ours stands there first, lets the others
find the few modules that are waited for, and is told by their loaders when each is complete.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What to do, and when.

    Args:
        action (`Callable[[], None]`): what to do. It may run more than once, so a second run must change nothing.
        after (`str`): full name of the module that must have been imported.
        whole (`tuple[str, ...]`, *optional*, defaults to `()`): modules that the action imports and from which an
            import of `after` may have come. They may be missing, but while one is half imported the action waits.
    """

    action: Callable[[], None]
    after: str
    whole: tuple[str, ...] = ()


class AfterImport(MetaPathFinder):
    """Runs the actions of rules after imports, and again after reloads.

    An action's error is that of the import that led to it, and the next import tries again.

    Args:
        rules (`Sequence[Rule]`): the rules.
    """

    def __init__(self, rules: Sequence[Rule]):
        self._rules = tuple(rules)
        self._names = {name for rule in rules for name in (rule.after, *rule.whole)}
        self._unfinished: set[str] = set()

    def install(self) -> None:
        """Wait for the modules from now on; rules whose module is there already are followed at once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        for rule in self._rules:
            if rule.after in sys.modules:
                for name in {rule.after, *rule.whole} & sys.modules.keys():
                    import_module(name)  # waits for another thread that is not done with it
                rule.action()

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """What the other finders find, with a loader that tells us; None for every module that nobody waits for."""
        if fullname not in self._names:
            return None
        for finder in [one for one in sys.meta_path if one is not self and hasattr(one, "find_spec")]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _TellingLoader(spec.loader, self)
                return spec
        return None

    def run(self, module: ModuleType, loader: Loader) -> None:
        """Run a module's code, then what was waiting for it.

        Args:
            module (`ModuleType`): the module.
            loader (`Loader`): its own loader.
        """
        name = module.__spec__.name
        self._unfinished.add(name)
        try:
            loader.exec_module(module)
        finally:
            self._unfinished.discard(name)
        for rule in self._rules:
            waited_for = {rule.after, *rule.whole}
            if name in waited_for and rule.after in sys.modules and not waited_for & self._unfinished:
                rule.action()


class _TellingLoader(Loader):
    """A module's own loader, which it also hands everything on to, with the finder told of the module's end."""

    def __init__(self, loader: Loader, finder: AfterImport):
        self._loader = loader
        self._finder = finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module is to know its own loader alone: resources and sources are asked of it.
        module.__loader__ = module.__spec__.loader = self._loader
        self._finder.run(module, self._loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
