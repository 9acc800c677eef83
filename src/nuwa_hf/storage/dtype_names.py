# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""dtypes by name, as transformers takes them; diffusers warns and loads float32 in their place."""

from typing import Any

import torch


NAMES = ("dtype", "torch_dtype")


def with_dtypes(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a `from_pretrained`, with dtypes where names of dtypes were given.

    Args:
        options (`dict[str, Any]`): by name; `dtype` and `torch_dtype` may be a name, or a dict of names for a
            pipeline's components.

    Returns:
        `dict[str, Any]`: with `torch.dtype` in place of each name.

    Raises:
        ValueError: If a name is that of no floating point dtype.
    """
    return {**options, **{name: _as_dtype(name, options[name]) for name in NAMES if name in options}}


def _as_dtype(argument: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {part: _as_dtype(argument, one) for part, one in value.items()}
    if not isinstance(value, str):
        return value
    found = getattr(torch, value.removeprefix("torch."), None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ValueError(
            f"`{argument}` must be a floating point dtype such as torch.bfloat16, or its name, got {value!r}; leave "
            "it out for float32."
        )
    return found
