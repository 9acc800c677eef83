# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Counts the bytes that a rank sends, from the collectives that a program calls."""

from collections import Counter
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


# How often a rank of n sends the (n - 1) / n of the largest tensor, when the collective goes round a ring.
ROUNDS = {
    "allgather_": 1,
    "_allgather_base_": 1,
    "all_gather_into_tensor": 1,
    "reduce_scatter_": 1,
    "_reduce_scatter_base_": 1,
    "reduce_scatter_tensor": 1,
    "allreduce_": 2,
    "all_reduce": 2,
    "broadcast_": 1,
}
SENDS_NOTHING = ("wait_tensor", "barrier", "monitored_barrier_")
SPACES = ("c10d", "_c10d_functional")


class SentBytes(TorchDispatchMode):
    """Within the block, adds up what the collectives of this process send, all of which are over all n ranks.

        a rank sends (n - 1) / n S for an all-gather or a reduce-scatter of S bytes, twice that for an all-reduce

    Args:
        ranks (`int`): n.

    Raises:
        NotImplementedError: In the block, for a collective that it does not know.

    Attributes:
        calls (`Counter[str]`): name of a collective to how often it was called.
        sent (`Counter[str]`): name of a collective to its bytes.
    """

    def __init__(self, ranks: int):
        super().__init__()
        self.ranks = ranks
        self.calls: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()

    def total(self) -> int:
        """All bytes."""
        return sum(self.sent.values())

    def clear(self) -> None:
        """Starts again."""
        self.calls.clear()
        self.sent.clear()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs the operator and counts it if it is a collective."""
        if DTensor in types:
            return NotImplemented  # it becomes operators on its parts, which come here again
        result = func(*args, **(kwargs or {}))
        space, name = func.name().split(".")[0].split("::")
        if space in SPACES and name not in SENDS_NOTHING:
            if name not in ROUNDS:
                raise NotImplementedError(f"{space}::{name}")
            self._count(name, args, result)
        return result

    def _count(self, name: str, args: Any, result: Any) -> None:
        tensors = [leaf for leaf in tree_leaves((args, result)) if isinstance(leaf, torch.Tensor)]
        self.calls[name] += 1
        self.sent[name] += round(
            ROUNDS[name] * (self.ranks - 1) / self.ranks * max(tensor.nbytes for tensor in tensors)
        )
