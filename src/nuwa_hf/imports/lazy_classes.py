# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Placeholders for classes whose module has not been imported yet."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any


def import_class(module: str, name: str) -> type:
    """Import a class.

    Args:
        module (`str`): the full name of its module.
        name (`str`): its name.

    Returns:
        `type`.

    Raises:
        ImportError: If the module cannot be imported.
    """
    try:
        return getattr(import_module(module), name)
    except AttributeError as error:
        # A caller such as `hasattr` would take an AttributeError for a missing attribute and hide the cause.
        raise ImportError(f"{module}.{name} cannot be imported: {error}") from error


class LazyClass:
    """Stands for a class in a table. The class is imported when an attribute other than its name is needed.

    Args:
        module (`str`): the full name of the class's module.
        name (`str`): the class's name.
    """

    def __init__(self, module: str, name: str):
        self.__module__ = module
        self.__name__ = self.__qualname__ = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_class(self.__module__, self.__name__), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make an instance of the class."""
        return import_class(self.__module__, self.__name__)(*args, **kwargs)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, import_class(self.__module__, self.__name__))

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, import_class(self.__module__, self.__name__))

    def __repr__(self) -> str:
        return f"<class {self.__module__}.{self.__name__}, imported when it is used>"

    def __reduce__(self) -> tuple:
        return type(self), (self.__module__, self.__name__)


class LazyClassList(list):
    """A list of one class, which is imported when the list is read.

    An Auto class of transformers accepts a list of classes in place of a class.

    Args:
        module (`str`): the full name of the class's module.
        name (`str`): the class's name.
    """

    def __init__(self, module: str, name: str):
        super().__init__()
        self.module = module
        self.name = name

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[type]:
        return iter([import_class(self.module, self.name)])

    def __getitem__(self, place: int | slice) -> Any:
        return list(self)[place]

    def __repr__(self) -> str:
        return f"[{self.module}.{self.name}]"

    def __reduce__(self) -> tuple:
        return type(self), (self.module, self.name)
