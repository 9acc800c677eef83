# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Finds numbers that are not finite: in a run's losses, and in its weights."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import nn
from torch.distributed.tensor import DTensor


def loss_that_is_not_finite(losses: Mapping[str, float]) -> str | None:
    """The first loss that is NaN or infinite, in words, or None.

    Args:
        losses (`Mapping[str, float]`): name to value.

    Returns:
        `str` or None.
    """
    return next((f"`{name}` is {value}" for name, value in losses.items() if not math.isfinite(value)), None)


@torch.no_grad()
def weight_that_is_not_finite(models: Iterable[nn.Module]) -> str | None:
    """The first weight or buffer that holds NaN or infinity, in words, or None. It waits for the device once.

    Args:
        models (`Iterable[torch.nn.Module]`): what is looked at; of sharded weights, the part of this process.

    Returns:
        `str` or None.
    """
    named = [(name, tensor) for model in models for name, tensor in model.state_dict().items()]
    tensors = [tensor.to_local() if isinstance(tensor, DTensor) else tensor for _, tensor in named]
    if not tensors:
        return None
    bad = torch.stack([~torch.isfinite(tensor).all() for tensor in tensors]).nonzero().flatten().tolist()
    if not bad:
        return None
    count = int((~torch.isfinite(tensors[bad[0]])).sum())
    return f"`{named[bad[0]][0]}` holds {count} of {tensors[bad[0]].numel()} values that are not finite"
