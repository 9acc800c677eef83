# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Errors of a strict configuration in the house's form: a ValueError of one line."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from huggingface_hub.errors import StrictDataclassError

from nuwa_hf.argument_types import shown, type_name


ClassT = TypeVar("ClassT", bound=type)


class ConfigurationError(StrictDataclassError, ValueError):
    """A field of a configuration has a wrong type or value."""


def raises_plain_errors(cls: ClassT) -> ClassT:
    """Decorator of a strict dataclass, so that wrong fields raise `ConfigurationError`, also where they are set later.

    Args:
        cls (`type`): the class, after `huggingface_hub.dataclasses.strict`.

    Returns:
        `type`: the same class, changed in place.
    """
    cls.__init__, cls.__setattr__ = _plainly(cls.__init__), _plainly(cls.__setattr__)
    return cls


def _plainly(method: Callable) -> Callable:
    @wraps(method)
    def plain(self, *arguments: Any, **named: Any) -> None:
        try:
            method(self, *arguments, **named)
        except ConfigurationError:
            raise
        except StrictDataclassError as error:
            given = dict([arguments]) if len(arguments) == 2 else named
            raise ConfigurationError(_in_one_line(error, type(self), given)) from error

    return plain


def _in_one_line(error: StrictDataclassError, cls: type, given: dict[str, Any]) -> str:
    field = re.match(r"Validation error for field '(\w+)'", str(error))
    if field is None:  # a rule of ours, which says all itself
        return " ".join(str(error.__cause__ or error).split())
    name = field[1]
    value = shown(given[name]) if name in given else "another value"
    hint = type_name(cls.__annotations__.get(name, "the field's"))
    return f"`{name}` must be of type {hint}, got {value}; correct it, or leave it out."
