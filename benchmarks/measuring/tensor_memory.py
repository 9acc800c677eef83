# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Adds up the tensors that a program holds, real or fake ones."""

import weakref
from typing import Any

import torch
from torch._guards import active_fake_mode
from torch.distributed._tools.common_utils import get_untyped_storages
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary


class TensorMemory(TorchDispatchMode):
    """Within the block, counts the bytes of all tensors that are made in it, and of their storage when it is resized.

    torch's own `MemTracker` allows no frozen weights.

    Attributes:
        now (`int`): bytes of those that are alive.
        peak (`int`): the most bytes since the block began, or since `reset_peak`.
    """

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._sizes = WeakIdKeyDictionary()
        self._resize = torch.UntypedStorage.resize_

    def reset_peak(self) -> None:
        """Starts `peak` again from what is alive."""
        self.peak = self.now

    def __enter__(self) -> "TensorMemory":
        """Starts to count."""
        self._fake_mode, counter = active_fake_mode(), self

        def resize_(storage: torch.UntypedStorage, size: int) -> None:
            counter._resize(storage, size)
            counter._see(storage)

        torch.UntypedStorage.resize_ = resize_
        return super().__enter__()

    def __exit__(self, *args: Any) -> None:
        """Stops counting."""
        super().__exit__(*args)
        torch.UntypedStorage.resize_ = self._resize

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs the operator and counts its results."""
        if DTensor in types:
            return NotImplemented  # it becomes operators on its parts, which come here again
        result = func(*args, **(kwargs or {}))
        if active_fake_mode() is self._fake_mode:  # DTensor works out shapes in a fake mode of its own
            for leaf in tree_leaves(result):
                if isinstance(leaf, torch.Tensor):
                    for storage in get_untyped_storages(leaf):
                        self._see(storage)
        return result

    def _see(self, storage: torch.UntypedStorage) -> None:
        size = storage.nbytes()
        if storage not in self._sizes:
            self._sizes[storage] = [0]
            weakref.finalize(storage, self._forget, self._sizes[storage])
        held = self._sizes[storage]
        self.now += size - held[0]
        held[0] = size
        self.peak = max(self.peak, self.now)

    def _forget(self, held: list[int]) -> None:
        self.now -= held[0]
