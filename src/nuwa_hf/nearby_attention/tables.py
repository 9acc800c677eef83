# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Masks and tables that are computed once and shared by all models in the process.

They are plain tensors rather than module buffers, because `from_pretrained` builds modules on the meta device. They
are made outside inference mode, because a tensor made in it could never be used in training afterwards.
"""

import weakref
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Self

import torch


_CACHES: list = []


def table(maxsize: int) -> Callable[[Callable], Callable]:
    """Decorator that caches the most recent results of a function with hashable arguments.

    Nothing is cached while a program is traced, exported or run on fake tensors, because tensors made then are of no
    use afterwards.

    Args:
        maxsize (`int`): how many results to keep.

    Returns:
        `Callable`: the decorator.
    """

    def decorate(function: Callable) -> Callable:
        def make(*arguments):
            with torch.inference_mode(False):
                return function(*arguments)

        remembered = lru_cache(maxsize)(make)
        _CACHES.append(remembered)

        @wraps(function)
        def look_up(*arguments):
            return (make if is_tracing() else remembered)(*arguments)

        return look_up

    return decorate


def is_tracing() -> bool:
    """Whether tensors made now may be fake, or belong to a program that is being traced."""
    return torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0


def forget_tables() -> None:
    """Free all tables; they are computed again when they are needed."""
    for cache in _CACHES:
        cache.cache_clear()


class TablesUser:
    """Frees all tables when it is gone. What owns one is copied and pickled with one of its own."""

    def __init__(self):
        weakref.finalize(self, forget_tables).atexit = False

    def __deepcopy__(self, memo: dict) -> Self:
        return type(self)()

    def __reduce__(self) -> tuple:
        return type(self), ()
