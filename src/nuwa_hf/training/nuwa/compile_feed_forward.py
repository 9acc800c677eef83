# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Compiles the feed-forward layers of the transformer for training."""

from collections.abc import Callable

from torch import nn

from nuwa_hf.modeling.feed_forward import NuwaFeedForward


def compile_feed_forward(model: nn.Module, backend: str | Callable = "inductor") -> None:
    """Compile the feed-forward of every layer with torch.compile, when it first runs.

    All layers share the code, and one graph serves batches of any size. Attention is not compiled: it depends on the
    grids of the task, so it would be compiled once for every task, and its kernels are torch's own already. The
    modules are compiled in place, not wrapped, so the names of the weights do not change.

    Args:
        model (`torch.nn.Module`): contains a transformer's layers; changed in place.
        backend (`str` or `Callable`, defaults to `"inductor"`): as `torch.compile` takes it.
    """
    for module in model.modules():
        if isinstance(module, NuwaFeedForward):
            module.compile(backend=backend, dynamic=True)
