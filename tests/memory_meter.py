# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Counts the bytes of tensors that are alive, so that a formula for memory can be held against what happens."""

import weakref

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class MemoryMeter(TorchDispatchMode):
    """Within it, `peak` is the most bytes that tensors made within it have had together between two operations."""

    def __init__(self):
        super().__init__()
        self.alive = {}
        self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = {_storage(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and _storage(leaf) not in given:  # a view takes no memory
                self._count(leaf)
        self.alive = {key: entry for key, entry in self.alive.items() if not entry[0]()}
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))
        return result

    def _count(self, tensor):
        if tensor.layout == torch.strided:
            storage = tensor.untyped_storage()
            reference = StorageWeakRef(storage)
            self.alive.setdefault(storage._cdata, (reference.expired, storage.nbytes()))
        else:  # laid out by oneDNN: no storage to look into
            reference = weakref.ref(tensor)
            self.alive[id(tensor)] = (lambda: reference() is None, tensor.numel() * tensor.element_size())


def _storage(tensor):
    return tensor.untyped_storage()._cdata if tensor.layout == torch.strided else id(tensor)
