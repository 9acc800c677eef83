# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Updates of the weights with losses and gradients that are finite in every process, and with no others."""

from collections.abc import Mapping, Sequence

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from nuwa_hf.training.run.finite_values import loss_that_is_not_finite, norm_of_parts, tensor_that_is_not_finite
from nuwa_hf.training.run.processes import first_in_any_process


class StepNotTaken(FloatingPointError):  # noqa: N818 (says what happened)
    """The numbers of a step were not finite, so the weights and the optimisers' states are as before it.

    Args:
        what (`str`): which numbers, in words.
        is_overflow (`bool`, defaults to `False`): whether only gradients that were scaled up for fp16 became too
            large. Their scale is halved, so that the next ones may fit.
    """

    def __init__(self, what: str, is_overflow: bool = False):
        super().__init__(what)
        self.is_overflow = is_overflow


def update_weights(
    accelerator: Accelerator,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    losses: Mapping[str, Tensor],
    max_grad_norm: float,
) -> Tensor:
    """Clips the gradients and takes the optimisers' step, unless a loss or a gradient is not finite.

    It waits for the device once. If there are several processes, each must call this, and all do the same.

    Args:
        accelerator (`Accelerator`): which has run the backward passes.
        model (`torch.nn.Module`): as `Accelerator.prepare` gave it; its gradients are gone afterwards.
        optimizers (`Sequence[torch.optim.Optimizer]`): likewise, of this model's weights.
        losses (`Mapping[str, torch.Tensor]`): name to scalar, of this process.
        max_grad_norm (`float`): gradients are scaled down to this norm.

    Returns:
        `torch.Tensor`, a scalar: the gradients' norm before that, of all processes.

    Raises:
        StepNotTaken: In every process, with the loss and the gradient, if one is not finite in any process.
    """
    gradients = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    norm = norm_of_parts(list(gradients.values()))
    numbers = torch.stack([number.to(accelerator.device, torch.float32) for number in (norm, *losses.values())])
    is_overflow = False
    found = []
    if not is_finite_everywhere(accelerator, numbers):
        values = {name: value.item() for name, value in losses.items()}
        loss = _first_anywhere(accelerator, loss_that_is_not_finite(values))
        gradient = _first_anywhere(accelerator, tensor_that_is_not_finite(gradients))
        found = [loss] * (loss is not None) + [f"the gradient of {gradient}"] * (gradient is not None)
        is_overflow = loss is None and accelerator.scaler is not None
    if not found or is_overflow:  # then the scaler halves its scale, and the optimisers take no step
        norm = accelerator.clip_grad_norm_(model.parameters(), max_grad_norm)
        for optimizer in optimizers:
            optimizer.step()
    for optimizer in optimizers:
        optimizer.zero_grad()
    if found:
        raise StepNotTaken(", ".join(found).replace("`module.", "`"), is_overflow)
    return norm


def is_finite_everywhere(accelerator: Accelerator, numbers: Tensor) -> bool:
    """Whether numbers are finite in every process. If there are several, each must call this.

    Args:
        accelerator (`Accelerator`): knows the processes.
        numbers (`torch.Tensor` of any shape): those of this process.

    Returns:
        `bool`: the same in every process.
    """
    is_bad = (~torch.isfinite(numbers)).any().float()
    return not accelerator.reduce(is_bad, "sum").item()


def _first_anywhere(accelerator: Accelerator, found: str | None) -> str | None:
    if accelerator.num_processes > 1 and found is not None:
        found = f"{found} in process {accelerator.process_index}"
    return first_in_any_process(found)
