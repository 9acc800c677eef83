# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Maps from the tensor names of one package to those of another, as data.

A key map is a dict from a name to a name, or to `None` for what is dropped on purpose. In a name, `{i}` and `{j}`
stand for whole numbers and a `*` at the end for anything; both have the same value on the other side. The first
matching entry is used. `{-i}` on the right counts levels from the last; `expand_levels` expands such entries.
"""

import re
from collections.abc import Iterable, Mapping

import torch
from tqdm import tqdm


KeyMap = Mapping[str, str | None]


def expand_levels(key_map: KeyMap, num_levels: int) -> dict[str, str | None]:
    """Expands the entries that count levels from the last.

    Args:
        key_map (`Mapping[str, str | None]`): may have entries with `{i}` on the left and `{-i}` on the right.
        num_levels (`int`): how many levels there are.

    Returns:
        `dict[str, str | None]`: with one entry for each level in place of each such entry.
    """
    expanded = {}
    for old, new in key_map.items():
        if new is None or "{-i}" not in new:
            expanded[old] = new
            continue
        for level in range(num_levels):
            opposite = str(num_levels - 1 - level)
            expanded[old.replace("{i}", str(level))] = new.replace("{-i}", opposite)
    return expanded


def invert_key_map(key_map: KeyMap) -> dict[str, str]:
    """The inverse of a map.

    Args:
        key_map (`Mapping[str, str | None]`): without `{-i}`.

    Returns:
        `dict[str, str]`: right sides to left sides, without what is dropped.
    """
    return {new: old for old, new in key_map.items() if new is not None}


def rename(name: str, key_map: KeyMap) -> str | None:
    """The new name of a tensor.

    Args:
        name (`str`): the old one.
        key_map (`Mapping[str, str | None]`): the map.

    Returns:
        `str` or None: the new name; None if it is dropped.

    Raises:
        KeyError: If no entry fits.
    """
    for old, new in key_map.items():
        match = _pattern(old).fullmatch(name)
        if match:
            return None if new is None else _filled(new, match.groupdict())
    raise KeyError(name)


@torch.no_grad()
def apply_key_map(
    source: Mapping[str, torch.Tensor],
    key_map: KeyMap,
    expected: Mapping[str, torch.Size],
    *,
    dtype: torch.dtype | None = None,
) -> dict[str, torch.Tensor]:
    """Renames all tensors of a state dict and checks that none is unknown, missing or of another shape.

    The matrix of a linear layer and the kernel of a 1x1 convolution are the same weights in two shapes, `(a, b)` and
    `(a, b, 1, 1)`; they are viewed in the shape that is expected. No other shape is changed.

    Args:
        source (`Mapping[str, torch.Tensor]`): the tensors.
        key_map (`Mapping[str, str | None]`): names on the left, new names or `None` on the right.
        expected (`Mapping[str, torch.Size]`): all new names and their shapes.
        dtype (`torch.dtype`, *optional*): type of the floats of the result; by default their own.

    Returns:
        `dict[str, torch.Tensor]`: by new name, in the order of `expected`; views of the source where possible.

    Raises:
        ValueError: If a key is not listed, a tensor is missing, or a shape is wrong; all of them are named.
    """
    old_names: dict[str, str] = {}
    problems: list[str] = []
    for name in source:
        try:
            new = rename(name, key_map)
        except KeyError:
            problems.append(f"the key map does not list {name!r}")
            continue
        if new is None:
            continue
        if new not in expected:
            problems.append(f"{name!r} would be {new!r}, for which there is no place")
        elif new in old_names:
            problems.append(f"{name!r} and {old_names[new]!r} would both be {new!r}")
        else:
            old_names[new] = name
    problems += [f"{new!r} is missing" for new in expected if new not in old_names]
    shapes = {new: source[old].shape for new, old in old_names.items()}
    problems += [
        f"{old_names[new]!r} must have the shape {tuple(expected[new])}, got {tuple(shape)}"
        for new, shape in shapes.items()
        if not _same_weights(shape, expected[new])
    ]
    if problems:
        raise ValueError(f"`source` must be what the key map describes, but: {'; '.join(problems)}.")
    return _convert({new: source[old_names[new]] for new in expected}, expected, dtype)


def _convert(
    tensors: dict[str, torch.Tensor], expected: Mapping[str, torch.Size], dtype: torch.dtype | None
) -> dict[str, torch.Tensor]:
    result, seen = {}, set()
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    with tqdm(total=total, desc="Converting", unit="B", unit_scale=True) as bar:
        for name, tensor in tensors.items():
            changes = dtype is not None and tensor.is_floating_point()
            converted = tensor.detach().to(dtype if changes else tensor.dtype).reshape(expected[name]).contiguous()
            # Two names must not share memory in a .safetensors file.
            place = converted.untyped_storage().data_ptr()
            result[name] = converted.clone() if place in seen else converted
            seen.add(place)
            bar.update(tensor.numel() * tensor.element_size())
    return result


def shapes_of(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    """Names and shapes of a state dict, for `apply_key_map`.

    Args:
        state (`Mapping[str, torch.Tensor]`): a state dict; one of a model on the meta device will do.

    Returns:
        `dict[str, torch.Size]`.
    """
    return {name: tensor.shape for name, tensor in state.items()}


def _same_weights(shape: Iterable[int], expected: Iterable[int]) -> bool:
    shape, expected = tuple(shape), tuple(expected)
    return shape == expected or (len(shape) == 2 and (*shape, 1, 1) == expected) or shape == (*expected[:2], 1, 1)


def _pattern(name: str) -> re.Pattern:
    text = re.escape(name.removesuffix("*")).replace(r"\{i\}", r"(?P<i>\d+)").replace(r"\{j\}", r"(?P<j>\d+)")
    return re.compile(text + ("(?P<rest>.*)" if name.endswith("*") else ""), flags=re.ASCII)


def _filled(name: str, values: Mapping[str, str]) -> str:
    numbered = name.removesuffix("*").format_map(values)
    return numbered + (values["rest"] if name.endswith("*") else "")
