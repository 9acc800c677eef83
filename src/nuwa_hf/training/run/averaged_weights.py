# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The moving average of the weights, which is what is evaluated, sampled from and saved."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from torch import nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor


class AveragedWeights(EMAModel):
    """Moving averages of the learnt weights, in float32, sharded as the weights are.

    The decay warms up, so that a short run is not left near its start. With t updates so far, an update is

        average = d average + (1 - d) weight,   d = 0 if t = 0, else min(decay, (1 + t) / (10 + t))

    and after n updates the average is mostly of the last n / 9 steps, until `decay` is reached: after 890 updates at
    0.99, after 8990 at 0.999.

    Args:
        model (`torch.nn.Module`): whose learnt weights are averaged, after `Accelerator.prepare`.
        decay (`float`): how much of an average one step keeps after the warm-up, in [0, 1].
    """

    def __init__(self, model: nn.Module, decay: float):
        self.learnt = [weight for weight in model.parameters() if weight.requires_grad]
        self.sharded = [module for module in model.modules() if isinstance(module, FSDPModule)]
        super().__init__(self.learnt, decay=decay)
        self.shadow_params = [average.float() for average in self.shadow_params]  # DeepSpeed makes the weights 16-bit

    def update(self) -> None:
        """Updates the averages with the current weights."""
        self.step(self.learnt)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Puts the averages in the weights' place, and the weights back when the block ends.

        Yields:
            Nothing.
        """
        kept = [weight.detach().clone() for weight in self.learnt]
        self.copy_to(self.learnt)
        self._forget_gathered()
        try:
            yield
        finally:
            with torch.no_grad():
                for weight, own in zip(self.learnt, kept, strict=True):
                    weight.copy_(own)
            self._forget_gathered()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Loads what `state_dict` returned; each average goes to the device of its weight."""
        super().load_state_dict(state_dict)
        self.shadow_params = [
            average.to(weight.device) for average, weight in zip(self.shadow_params, self.learnt, strict=True)
        ]

    def _forget_gathered(self) -> None:
        """Has FSDP2 gather the weights anew: what it gathered of them for a pass without a backward pass may stay."""
        for module in self.sharded:
            module.reshard()


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """The full tensor of one that may be sharded. If it is, every process must call this."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
