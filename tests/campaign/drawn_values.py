# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Values that hypothesis draws for arguments: of any kind, or of the annotation's, and which of them are wrong."""

import collections.abc
import math
import types
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
import PIL.Image
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st


Drawn = TypeVar("Drawn")

NUMBERS = [-(2**70), -(2**31), -1, 0, 1, 2, 3, 7, 2**31, 2**63, 10**30]
FRACTIONS = [math.nan, math.inf, -math.inf, -0.5, 0.0, 0.5, 1.0, 1.5, 1e300]
WORDS = ["", " ", "x", "tokens", "nan", "-1", "\x00", "\ud800", "é" * 70000, "../../etc/passwd", "{}", "a\nb"]


def things() -> list[Any]:
    """Values that are neither numbers nor texts, made anew for each draw."""
    return [
        None,
        *(True, False, b"bytes", 2j, {}, {"a": 1}, set(), (), [], [None], [[]], object(), object, len, math),
        *(Path("there-is-no-such-file.png"), Path("."), range(3), iter([1]), Exception("no")),
        *(
            np.zeros(0),
            np.zeros((2, 3)),
            np.array(math.nan),
            np.array(["a"]),
            np.zeros((1,) * 9),
            np.float64(math.inf),
        ),
        *(torch.zeros(0), torch.zeros(2, 3), torch.tensor(math.nan), torch.zeros(2, 3, dtype=torch.complex64)),
        *(torch.ones(1, 2, dtype=torch.int64), torch.zeros(3, 4, device="meta"), torch.full((1, 1), -1)),
        *(PIL.Image.new("RGB", (1, 1)), PIL.Image.new("F", (3, 2)), torch.Generator(), torch.nn.Linear(1, 1)),
    ]


def anything() -> st.SearchStrategy:
    """Values of all kinds, single and in lists."""
    number = st.one_of(st.sampled_from(NUMBERS), st.integers())
    fraction = st.one_of(st.sampled_from(FRACTIONS), st.floats())
    text = st.one_of(st.sampled_from(WORDS), st.text(max_size=20))
    single = st.one_of(number, fraction, text, st.integers(0, len(things()) - 1).map(lambda place: things()[place]))
    return st.one_of(single, st.lists(single, max_size=3), st.lists(single, max_size=3).map(tuple))


def fits(value: Any, hint: Any) -> bool | None:
    """Whether a value is of an annotation's type, as far as that can be told; a number must be finite.

    Args:
        value: any.
        hint: the annotation.

    Returns:
        `bool` or None: None if only the called function can tell.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        found = [fits(value, one) for one in inner]
        return True if True in found else None if None in found else False
    if hint in (None, type(None)):
        return value is None
    if hint is bool:
        return isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        is_number = isinstance(value, int | float | np.floating) and not isinstance(value, bool)
        return is_number and (isinstance(value, int) or math.isfinite(value))
    if hint is str:
        return isinstance(value, str)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin in (list, tuple):
        if not isinstance(value, list | tuple):
            return False if isinstance(value, int | float | str | bytes | dict | None | set) else None
        found = [fits(one, inner[0]) for one in value]
        return False if False in found else None
    if origin is collections.abc.Callable:
        return callable(value)
    return None


def draw(strategy: st.SearchStrategy[Drawn], number: int) -> Drawn:
    """What hypothesis draws, the same for the same number.

    Args:
        strategy (`st.SearchStrategy`): says what can be drawn.
        number (`int`): the seed.

    Returns:
        what was drawn last: hypothesis begins with the simplest.
    """
    drawn = []

    @seed(number)
    @settings(
        max_examples=10,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def remember(value):
        drawn.append(value)

    remember()
    return drawn[-1]
