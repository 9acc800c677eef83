# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Finds numbers that are not finite: in a run's losses, gradients and weights."""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm


def loss_that_is_not_finite(losses: Mapping[str, float]) -> str | None:
    """The first loss that is NaN or infinite, in words, or None.

    Args:
        losses (`Mapping[str, float]`): name to value.

    Returns:
        `str` or None.
    """
    return next((f"`{name}` is {value}" for name, value in losses.items() if not math.isfinite(value)), None)


def tensor_that_is_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The first tensor that holds NaN or infinity, in words, or None.

    Args:
        tensors (`Mapping[str, torch.Tensor]`): name to tensor; of a sharded one, the part of this process.

    Returns:
        `str` or None.
    """
    for name, tensor in tensors.items():
        part = own_part(tensor)
        count = int((~torch.isfinite(part)).sum())
        if count:
            return f"`{name}` holds {count} of {part.numel()} values that are not finite"
    return None


@torch.no_grad()
def weight_that_is_not_finite(models: Iterable[nn.Module]) -> str | None:
    """The first weight or buffer that holds NaN or infinity, in words, or None. It waits for the device once.

    Args:
        models (`Iterable[torch.nn.Module]`): what is looked at; of sharded weights, the part of this process.

    Returns:
        `str` or None.
    """
    named = {
        name: tensor for model in models for name, tensor in model.state_dict().items() if tensor.is_floating_point()
    }
    return None if norm_of_parts(list(named.values())).isfinite() else tensor_that_is_not_finite(named)


def norm_of_parts(tensors: Sequence[Tensor]) -> Tensor:
    """The norm of all values together: if it is finite, so are they.

    Args:
        tensors (`Sequence[torch.Tensor]`): of sharded ones, the part of this process counts.

    Returns:
        `torch.Tensor`, a scalar: 0 if there are none.
    """
    return get_total_norm([own_part(tensor) for tensor in tensors])


def own_part(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor that may be sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
