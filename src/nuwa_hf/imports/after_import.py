# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Run a function once certain modules have been imported, without importing them.

The import system asks each finder in `sys.meta_path` for a module. `AfterImport` puts itself first. For the few
modules it watches, it lets the other finders do the work and wraps the loader they return, so that it learns when the
module has been executed. For all other modules it does nothing.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import RLock
from types import ModuleType
from typing import Any


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rule:
    """A function, and the modules it needs.

    Args:
        action (`Callable`): gets the modules as arguments. It must not import anything: the thread that runs it holds
            the import lock of one of the modules, and a second thread may hold the lock of what would be imported. It
            can run more than once, so running it again must change nothing.
        modules (`tuple[str, ...]`): full names of the modules that must have been imported.
    """

    action: Callable[..., None]
    modules: tuple[str, ...]


class AfterImport(MetaPathFinder):
    """Runs the action of each rule as soon as all of the rule's modules have been imported, and after reloads.

    If an action fails, the import that triggered it still succeeds: the error is logged as a warning, and the action
    is tried again when one of its modules is imported or reloaded.

    Several threads may import the modules at the same time. The thread that completes the last module of a rule runs
    the action before it releases that module's import lock, so no thread gets hold of the module without it.

    Args:
        rules (`Sequence[Rule]`): the rules.
    """

    def __init__(self, rules: Sequence[Rule]):
        self._rules = tuple(rules)
        self._names = {name for rule in rules for name in rule.modules}
        self._complete: dict[str, ModuleType] = {}
        self._lock = RLock()

    def install(self) -> None:
        """Watch imports from now on. Modules that have been imported before count as well."""
        with self._lock:
            if self not in sys.meta_path:
                sys.meta_path.insert(0, self)
        for name in sorted(self._names & sys.modules.keys()):
            try:
                import_module(name)  # returns at once, unless another thread is still executing the module
            except ImportError:
                continue  # that thread's import has failed
            self._completed(name)

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec that another finder returns, with its loader wrapped; None for modules that are not watched."""
        if fullname not in self._names:
            return None
        for finder in [one for one in sys.meta_path if one is not self and hasattr(one, "find_spec")]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _WatchedLoader(spec.loader, self)
                return spec
        return None

    def execute(self, module: ModuleType, loader: Loader) -> None:
        """Execute a module's code, then the actions for which this was the last module.

        Args:
            module (`ModuleType`): the module.
            loader (`Loader`): its own loader.
        """
        name = module.__spec__.name
        with self._lock:
            self._complete.pop(name, None)
        loader.exec_module(module)
        self._completed(name)

    def _completed(self, name: str) -> None:
        with self._lock:
            self._complete[name] = sys.modules[name]  # which a module may replace while it is executed
            for rule in self._rules:
                if name in rule.modules and all(map(self._is_complete, rule.modules)):
                    self._run(rule)

    def _is_complete(self, name: str) -> bool:
        return name in self._complete and self._complete[name] is sys.modules.get(name)

    def _run(self, rule: Rule) -> None:
        try:
            rule.action(*(self._complete[name] for name in rule.modules))
        # Whatever goes wrong here must not break somebody else's import.
        except Exception as error:
            logger.warning(
                "nuwa_hf could not run `%s` after the import of %s: %s: %s. Their import is not affected.",
                getattr(rule.action, "__name__", rule.action),
                ", ".join(rule.modules),
                type(error).__name__,
                error,
            )


class _WatchedLoader(Loader):
    """A loader that passes everything on to a module's own loader and has `AfterImport` execute the module."""

    def __init__(self, loader: Loader, finder: AfterImport):
        self._loader = loader
        self._finder = finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._loader, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module: ModuleType) -> None:
        # From here on the module has only its own loader, which finds its source and resources.
        module.__loader__ = module.__spec__.loader = self._loader
        self._finder.execute(module, self._loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
