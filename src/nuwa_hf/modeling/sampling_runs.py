# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Sampling runs of a model: new ones, and on CUDA those of earlier calls, whose recorded steps serve again.

A recording is right for every call that runs the same program on tensors of the same shapes: other texts, generators,
temperatures, guidance scales and weights in the same memory make no difference. So steps are recorded in the first
call of a kind and repeated in all further ones.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from itertools import chain
from threading import Lock
from typing import Self

import torch
from torch import nn

from nuwa_hf.generation.cuda_graphs import CudaGraphs
from nuwa_hf.generation.sampler import TokenDraw
from nuwa_hf.generation.sampling_steps import Record, SamplingSteps
from nuwa_hf.generation.step_tables import StepTables
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.laid_out_weights import REPLACED
from nuwa_hf.modeling.sampling_call import ModelSteps
from nuwa_hf.nearby_attention.tables import is_tracing


MOST_KEPT = 4  # kinds of calls, for example images and videos, with and without guidance


class SamplingRuns:
    """The recorded runs that a model keeps between calls, with the memory of their keys and values.

    They are not part of the model's state: a copy or a pickle of the model starts without them.
    """

    def __init__(self):
        self._kept: OrderedDict[Hashable, SamplingSteps] = OrderedDict()
        self._lock = Lock()

    def __deepcopy__(self, memo: dict) -> Self:
        return type(self)()

    def __reduce__(self) -> tuple:
        return type(self), ()

    def free(self) -> None:
        """Free all recorded runs; one in progress is freed when it ends."""
        with self._lock:
            self._kept = OrderedDict()

    @contextmanager
    def lend(
        self, compute: ModelSteps, kept: Grid, tables: StepTables, record: Record | None = None
    ) -> Iterator[SamplingSteps]:
        """Steps for one call, which nobody else uses meanwhile.

        Args:
            compute (`ModelSteps`): computes the logits of this call.
            kept (`Grid`): the grid (R, H, W) of kept tokens.
            tables (`StepTables`): the first steps.
            record (`Callable`, *optional*): see `SamplingSteps`; None for a call whose steps cannot be recorded.

        Yields:
            `SamplingSteps`: steps that have not begun.
        """
        draw, owner = compute.call.draw, self._kept
        kind = None if record is None else _kind(compute, draw, kept, tables)
        with self._lock:
            steps = owner.pop(kind, None)
        if steps is None:
            steps = SamplingSteps(compute, draw, kept, tables.to(draw.device), record)
        else:
            steps.compute.restart(compute)
            steps.restart(draw)
        is_sound = False
        try:
            yield steps
            is_sound = True
        except GeneratorExit:  # the caller wants no more
            is_sound = True
            raise
        finally:
            if kind is not None and is_sound:  # after an error they are not used again
                with self._lock:
                    owner[kind] = steps
                    if len(owner) > MOST_KEPT:
                        owner.popitem(last=False)


def recorder(compute: ModelSteps) -> Record | None:
    """What records the steps of a call.

    Only CUDA can record, and only modules that do nothing but launch kernels: a hook, an adapter or a processor of
    logits may do in each step what a recording would leave out. In training mode a recording would hold dropout, and
    serve after it.

    Args:
        compute (`ModelSteps`): computes the logits of the call.

    Returns:
        `Callable`, *optional*: see `SamplingSteps`; None where steps cannot be recorded.
    """
    call, device = compute.call, compute.call.device
    if device.type != "cuda" or call.logits_processor or is_tracing() or torch.is_autocast_enabled("cuda"):
        return None
    return CudaGraphs(device) if launches_kernels_alone(call.model) else None


def launches_kernels_alone(model: nn.Module) -> bool:
    """Whether the modules of a sampling step do nothing that a recording would leave out.

    Args:
        model (`nn.Module`): a `NuwaForConditionalGeneration`.

    Returns:
        `bool`.
    """
    used = chain((model, model.model), model.model.decoder.modules(), model.head.modules())
    return all(map(_is_plain, used))


def require_gradients(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
    """A forward hook after which the output requires gradients. It launches no kernel, and stays after training: of
    activation checkpointing, transformers takes away less than it has put there.

    Args:
        module (`nn.Module`): the module.
        inputs (`tuple`): what it read.
        output (`torch.Tensor`): what it made; changed in place.
    """
    output.requires_grad_(True)


def _is_plain(module: nn.Module) -> bool:
    is_known = type(module).__module__.split(".")[0] == "nuwa_hf" or type(module).__module__.startswith("torch.nn.")
    return (
        is_known
        and not module.training
        and module._compiled_call_impl is None
        and all(hook is require_gradients for hook in module._forward_hooks.values())
        and not module._forward_pre_hooks
        and REPLACED.isdisjoint(vars(module))
    )


def _kind(compute: ModelSteps, draw: TokenDraw, kept: Grid, tables: StepTables) -> Hashable:
    """All that a recording depends on besides numbers in tensors."""
    call = compute.call
    return (
        compute.grid,
        kept,
        tuple(tables.places.shape),
        call.schedule,
        draw.rules.program,
        call.settings.is_greedy,
        call.batch_size,
        call.device,
        call.known_tokens is not None,
        tuple((name, tensor is None or tuple(tensor.shape)) for name, tensor in compute.inputs.items()),
        tuple(tensor.data_ptr() for tensor in chain(call.model.parameters(), call.model.buffers())),
        torch.is_inference_mode_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
    )
