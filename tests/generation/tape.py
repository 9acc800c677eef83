# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a CUDA graph is, on a CPU: the operators of a program on the tensors they ran on, and nothing of the host."""

from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map


# Numbers that the host reads, and lists and numbers that it makes into tensors.
OF_THE_HOST = ("_local_scalar_dense", "item", "nonzero", "is_nonzero", "equal", "masked_select", "lift_fresh")


class Tape(TorchDispatchMode):
    """Records the operators of a program, and runs them again on the same tensors."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        output = operator(*args, **(kwargs or {}))
        self.calls.append((operator, args, kwargs or {}, output))
        return output

    @property
    def names(self) -> Counter:
        return Counter(operator.overloadpacket.__name__ for operator, *_ in self.calls)

    @property
    def of_the_host(self) -> list[str]:
        return [name for name in self.names if name in OF_THE_HOST]

    def play(self) -> None:
        made = {}  # what an operator gave when it was recorded -> what it gives now

        def current(value):
            return made.get(id(value), value)

        def remember(then, now):
            if isinstance(then, torch.Tensor):
                made[id(then)] = now
            elif isinstance(then, (tuple, list)):
                for pair in zip(then, now, strict=True):
                    remember(*pair)

        for operator, args, kwargs, output in self.calls:
            remember(output, operator(*tree_map(current, args), **tree_map(current, kwargs)))


class Tapes:
    """Records programs on tapes, as `CudaGraphs` does on a GPU."""

    def __init__(self):
        self.tapes = []
        self.num_played = 0

    def __call__(self, program):
        self.tapes.append(tape := Tape())
        with tape:
            program()

        def play():
            self.num_played += 1
            tape.play()

        return play
