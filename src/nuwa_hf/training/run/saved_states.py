# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a checkpoint holds beside weights, compared with what the run would write itself.

Whoever edited a checkpoint could otherwise put in values that fail in a later step, or that nobody notices.
"""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils.other import load

from nuwa_hf.argument_types import shown


Settings = list[dict[str, Any]]


def like(found: Any, own: Any, name: str) -> Any:
    """A value of a checkpoint, once it is of the kind that the run has in its place.

    Args:
        found: tensors, numbers, texts, None, and lists and dictionaries of them.
        own: the same of this run.
        name (`str`): what to call it.

    Returns:
        What was found. Of dictionaries only what the run has too: other versions of libraries write more or less.

    Raises:
        ValueError: If it is of another kind, shape or length, or a number is not finite.
    """
    if isinstance(own, dict) and isinstance(found, dict):
        return {key: like(found[key], own[key], f"{name}[{key!r}]") for key in own if key in found}
    if isinstance(own, list | tuple) and isinstance(found, list | tuple) and len(found) == len(own):
        return type(own)(like(*both, f"{name}[{place}]") for place, both in enumerate(zip(found, own, strict=True)))
    if isinstance(own, torch.Tensor):
        is_alike = isinstance(found, torch.Tensor) and (found.shape, found.dtype) == (own.shape, own.dtype)
    elif isinstance(own, float):
        is_alike = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    elif own is None:  # a state that has no value yet may have one
        is_alike = found is None or isinstance(found, torch.Tensor)
    else:
        is_alike = type(found) is type(own) and not isinstance(own, dict | list | tuple)
    if not is_alike:
        raise ValueError(f"{name} holds {shown(found)}, which is nothing like {shown(own)}")
    return found


def settings_of(optimizers: Sequence[torch.optim.Optimizer]) -> list[Settings]:
    """The settings of each optimiser's groups.

    Args:
        optimizers (`Sequence[torch.optim.Optimizer]`): wrapped or not.

    Returns:
        `list[list[dict[str, Any]]]`: for each optimiser and group, all but its parameters.
    """
    return [
        [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
        for optimizer in optimizers
    ]


def check_optimizers(optimizers: Sequence[torch.optim.Optimizer], before: Sequence[Settings]) -> None:
    """Check what optimisers have loaded.

    Args:
        optimizers (`Sequence[torch.optim.Optimizer]`): wrapped or not.
        before (`Sequence[list[dict[str, Any]]]`): what `settings_of` gave before.

    Raises:
        ValueError: If a setting is of another kind, or a state has another shape than its weight.
    """
    like(settings_of(optimizers), list(before), "the optimizer")
    for optimizer in optimizers:
        names = None
        for parameter, state in optimizer.state.items():
            names = state.keys() if names is None else names
            if state.keys() != names:
                raise ValueError(f"the optimizer holds {sorted(state)} of one weight and {sorted(names)} of another")
            for key, value in state.items():
                shape = torch.Size() if key == "step" else parameter.shape
                if not isinstance(value, torch.Tensor) or value.shape != shape:
                    raise ValueError(f"the optimizer's {key!r} of a weight of {tuple(shape)} is {shown(value)}")


def check_random_states(checkpoint: Path, process: int) -> None:
    """Check that the random states of a process can be taken over: Accelerate goes on without where they cannot.

    Args:
        checkpoint (`Path`): its folder.
        process (`int`): which of the processes.

    Raises:
        OSError: If there are none.
        pickle.UnpicklingError: If reading them would run code.
        RuntimeError, KeyError, TypeError, ValueError: If they are none.
    """
    states = load(checkpoint / f"random_states_{process}.pkl")
    random.Random().setstate(states["random_state"])
    np.random.RandomState().set_state(states["numpy_random_seed"])
    torch.Generator().set_state(states["torch_manual_seed"])
