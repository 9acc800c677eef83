# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Arguments compared with their annotations, and values as error messages show them."""

import math
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin


LONGEST = 200  # letters of a value in a message


def shown(value: Any) -> str:
    """A value as an error message shows it: in one line, and cut if it is long.

    Args:
        value: any.

    Returns:
        `str`: as `repr` writes it.
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def check_types(values: Mapping[str, Any], hints: Mapping[str, Any], remedy: str) -> None:
    """Require values of their annotations' types. An int is accepted for a float, and a list for a tuple.

    Args:
        values (`Mapping[str, Any]`): name to value.
        hints (`Mapping[str, Any]`): name to annotation: plain types, lists and tuples of them, `Literal`, and unions.
        remedy (`str`): what to do instead.

    Raises:
        TypeError: With the first value that is of another type. A float must be finite.
    """
    for name, hint in hints.items():
        if not is_of_type(values[name], hint):
            rule = f"of type {type_name(hint)}" + (", and finite" if isinstance(values[name], float) else "")
            raise TypeError(f"`{name}` must be {rule}, got {shown(values[name])}; {remedy}.")


def is_of_type(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotation's type.

    Args:
        value: any.
        hint: as for `check_types`.

    Returns:
        `bool`.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(is_of_type(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin in (list, tuple):
        return isinstance(value, list | tuple) and all(is_of_type(one, inner[0]) for one in value)
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if hint is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, type(None) if hint is None else hint)


def type_name(hint: Any) -> str:
    """An annotation as a message names it."""
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)
