# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Counts the bytes of tensors that are alive, so that a formula for memory can be held against what happens."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class MemoryMeter(TorchDispatchMode):
    """Within it, `peak` is the most bytes that tensors made within it have had together between two operations."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.counted = set()  # keys of those that are alive

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = {_key(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and _key(leaf) not in given:  # a view takes no memory
                self._count(leaf)
        self.peak = max(self.peak, self.now)
        return result

    def _count(self, tensor):
        key = _key(tensor)
        if key in self.counted:
            return
        if tensor.layout == torch.strided:
            owner = tensor.untyped_storage()
            size = owner.nbytes()
        else:  # laid out by oneDNN: no storage to look into
            owner, size = tensor, tensor.numel() * tensor.element_size()
        self.counted.add(key)
        self.now += size
        weakref.finalize(owner, self._forget, key, size)

    def _forget(self, key, size):
        self.counted.discard(key)
        self.now -= size


def _key(tensor):
    return tensor.untyped_storage()._cdata if tensor.layout == torch.strided else id(tensor)
