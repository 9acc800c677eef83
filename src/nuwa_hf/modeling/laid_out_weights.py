# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights of linear layers laid out for a few rows at a time, as sampling steps use them a hundred times over.

float32 weights on a CPU are laid out once for oneDNN, which for few rows is several times faster than laying them out
again, or not at all, in every product; layers that read the same input become one matrix. The layouts are kept between
calls and made again when the weights have changed. Whatever is no plain layer (with adapters, with hooks, offloaded,
compiled, quantised) is called as it is.

Legend: B batch, n places of one step, D width of the input, O of the output.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Self

import torch
from torch import nn


# What accelerate and diffusers set on a module when they put a hook in the place of its `forward`.
REPLACED = {"forward", "_hf_hook", "_diffusers_hook"}

Layers = tuple[nn.Module, ...]


def apply_each(hidden_states: torch.Tensor, *layers: nn.Module, use_gelu: bool = False) -> tuple[torch.Tensor, ...]:
    """What several linear layers make of the same input, by calling each.

    Args:
        hidden_states (`torch.Tensor` of shape `(B, N, D)`): the input.
        layers (`nn.Module`): the layers.
        use_gelu (`bool`, defaults to `False`): whether a GELU follows.

    Returns:
        `tuple[torch.Tensor, ...]`: one output for each.
    """
    outputs = (layer(hidden_states) for layer in layers)
    return tuple(map(nn.functional.gelu, outputs) if use_gelu else outputs)


@dataclass(frozen=True)
class LaidOutProduct:
    """One product for layers that read the same input.

    Args:
        packed (`torch.Tensor`): their weights, one above the other, in oneDNN's own layout.
        sizes (`tuple[int, ...]`): the width of each output, O.
        marks (`tuple`): tells whether the weights are still those that were laid out.
    """

    packed: torch.Tensor
    sizes: tuple[int, ...]
    marks: tuple

    def __call__(self, hidden_states: torch.Tensor, use_gelu: bool) -> tuple[torch.Tensor, ...]:
        """The outputs of the layers, each of shape `(..., O)`, for an input of shape `(..., D)`."""
        after = ("gelu", [], "none") if use_gelu else ("none", [], "")  # "none" of the approximations of a GELU
        joined = torch.ops.mkldnn._linear_pointwise(hidden_states, self.packed, None, *after)
        return (joined,) if len(self.sizes) == 1 else joined.split(self.sizes, -1)


class StepLinear:
    """How the steps of one sampling apply linear layers: by a laid-out product if there is one, else by calling them.

    Args:
        products (`dict`): from the layers that read the same input to their product.
    """

    def __init__(self, products: dict[Layers, LaidOutProduct]):
        self.products = products

    def __call__(
        self, hidden_states: torch.Tensor, *layers: nn.Module, use_gelu: bool = False
    ) -> tuple[torch.Tensor, ...]:
        """Apply layers that read the same input, as `apply_each` does.

        Args:
            hidden_states (`torch.Tensor` of shape `(B, n, D)`): the input.
            layers (`nn.Module`): the layers.
            use_gelu (`bool`, defaults to `False`): whether a GELU follows.

        Returns:
            `tuple[torch.Tensor, ...]`: the output of each, of shape `(B, n, O)`.
        """
        product = None if torch.compiler.is_compiling() else self.products.get(layers)
        if product is None:
            return apply_each(hidden_states, *layers, use_gelu=use_gelu)
        return product(hidden_states, use_gelu)


class LaidOutWeights:
    """The layouts that a model keeps between calls. They take as much memory as the weights themselves.

    They are no part of the model's state: a copy or a pickle of the model starts without them.
    """

    def __init__(self):
        self._products: dict[Layers, LaidOutProduct] = {}
        self._lock = Lock()

    def __deepcopy__(self, memo: dict) -> Self:
        return type(self)()

    def __reduce__(self) -> tuple:
        return type(self), ()

    @property
    def nbytes(self) -> int:
        """Memory of all layouts."""
        return sum(layer.weight.nbytes for layers in self._products for layer in layers)

    def free(self) -> None:
        """Let go of all layouts; a sampling that is under way keeps its own until it ends."""
        self._products = {}

    def prepare(self, model: nn.Module, together: Iterable[Layers]) -> StepLinear:
        """Lay out what is new or has changed.

        Every weight is read once to see whether it has changed: optimisers and averages write in ways that torch does
        not count as a change.

        Args:
            model (`nn.Module`): the model, which is asked for hooks.
            together (`Iterable[tuple[nn.Module, ...]]`): its linear layers, those that read the same input together.

        Returns:
            `StepLinear`: for one sampling, during which the weights must stay as they are.
        """
        with self._lock:
            before, self._products = self._products, {}
            if not has_hooks(model):
                for layers in together:
                    kept = before.pop(layers, None)  # what has changed is let go of before it is made anew
                    if can_lay_out(layers):
                        marks = tuple(map(_mark, layers))
                        is_current = kept is not None and kept.marks == marks
                        kept = None if not is_current else kept
                        self._products[layers] = kept or _lay_out(layers, marks)
            return StepLinear(self._products)


def has_hooks(model: nn.Module) -> bool:
    """Whether accelerate or diffusers has hooks on a module of the model, which may move or cast weights at any call.

    Args:
        model (`nn.Module`): the model. accelerate's hook on the whole of it has run before a sampling begins,
            diffusers' works at each call.

    Returns:
        `bool`: whether there are any.
    """
    names = ((REPLACED if module is not model else {"_diffusers_hook"}, vars(module)) for module in model.modules())
    return any(not replaced.isdisjoint(attributes) for replaced, attributes in names)


def can_lay_out(layers: Layers) -> bool:
    """Whether calling each of the layers is the product with a float32 weight on a CPU and nothing else.

    Args:
        layers (`tuple[nn.Module, ...]`): linear layers.

    Returns:
        `bool`: whether they can become one product.
    """
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and not torch.is_autocast_enabled("cpu")
        and all(_is_plain(layer) for layer in layers)
    )


def _is_plain(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.Linear
        and layer.bias is None
        and type(layer.weight) in (nn.Parameter, torch.Tensor)
        and layer.weight.dtype == torch.float32
        and layer.weight.device.type in ("cpu", "meta")
        and layer._compiled_call_impl is None
        and not (layer._forward_hooks or layer._forward_pre_hooks)
    )


def _mark(layer: nn.Linear) -> tuple:
    """What changes with the weight: where it lies, and the sum of its bits, taken in eights of bytes if they fit."""
    weight = layer.weight.detach()
    bits = weight.view(torch.int64 if weight.shape[1] % 2 == 0 and weight.is_contiguous() else torch.int32)
    return weight.data_ptr(), tuple(weight.shape), int(bits.sum())


def _lay_out(layers: Layers, marks: tuple) -> LaidOutProduct:
    weights = [layer.weight.detach() for layer in layers]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight)
    return LaidOutProduct(packed, tuple(layer.weight.shape[0] for layer in layers), marks)
