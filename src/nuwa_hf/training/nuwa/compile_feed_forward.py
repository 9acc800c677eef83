# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which part of the transformer torch.compile compiles in training."""

from collections.abc import Callable

from torch import nn

from nuwa_hf.modeling.feed_forward import NuwaFeedForward


def compile_feed_forward(model: nn.Module, backend: str | Callable = "inductor") -> None:
    """Have torch.compile compile the feed-forward of every layer, when it first runs.

    All layers share the code, and one graph serves batches of any size. Attention stays as it is: what it computes
    depends on the grids of the task, so the whole model would be compiled once for every task, and its kernels are
    torch's own already. The modules are changed in place, not wrapped: names of weights stay what they are.

    Args:
        model (`torch.nn.Module`): has a transformer's layers somewhere in it; changed in place.
        backend (`str` or `Callable`, defaults to `"inductor"`): as `torch.compile` takes it.
    """
    for module in model.modules():
        if isinstance(module, NuwaFeedForward):
            module.compile(backend=backend, dynamic=True)
