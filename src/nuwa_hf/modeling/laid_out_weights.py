# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights of linear layers laid out for products with few rows, which sampling steps compute hundreds of times.

On a CPU, float32 weights are packed once into oneDNN's own layout. With few rows, this is several times faster than
packing them again in every product, or not at all. Layers that read the same input become one matrix. The layouts are
kept between calls and made again when the weights have changed. A layer that is not plain (with adapters or hooks,
offloaded, compiled, quantised) is simply called.

Legend: B batch, n places of one step, D width of the input, O of the output.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Self

import torch
from torch import nn


# Attributes that accelerate and diffusers set on a module when they replace its `forward` by a hook.
REPLACED = {"forward", "_hf_hook", "_diffusers_hook"}

Layers = tuple[nn.Module, ...]


def apply_each(hidden_states: torch.Tensor, *layers: nn.Module, use_gelu: bool = False) -> tuple[torch.Tensor, ...]:
    """Apply several linear layers to the same input by calling each of them.

    Args:
        hidden_states (`torch.Tensor` of shape `(B, N, D)`): the input.
        layers (`nn.Module`): the layers.
        use_gelu (`bool`, defaults to `False`): whether a GELU follows.

    Returns:
        `tuple[torch.Tensor, ...]`: one output for each layer.
    """
    outputs = (layer(hidden_states) for layer in layers)
    return tuple(map(nn.functional.gelu, outputs) if use_gelu else outputs)


@dataclass(frozen=True)
class LaidOutProduct:
    """A single product for layers that read the same input.

    Args:
        packed (`torch.Tensor`): their stacked weights in oneDNN's own layout.
        sizes (`tuple[int, ...]`): O, the width of each output.
        marks (`tuple`): fingerprints of the weights, which tell whether they have changed since.
    """

    packed: torch.Tensor
    sizes: tuple[int, ...]
    marks: tuple

    def __call__(self, hidden_states: torch.Tensor, use_gelu: bool) -> tuple[torch.Tensor, ...]:
        """The outputs of the layers, each of shape `(..., O)`, for an input of shape `(..., D)`."""
        after = ("gelu", [], "none") if use_gelu else ("none", [], "")  # with algorithm "none" the GELU is exact
        joined = torch.ops.mkldnn._linear_pointwise(hidden_states, self.packed, None, *after)
        return (joined,) if len(self.sizes) == 1 else joined.split(self.sizes, -1)


class StepLinear:
    """Applies linear layers in the steps of one sampling run, by a laid-out product or else by calling them.

    Args:
        products (`dict`): maps the layers that read the same input to their product.
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

    They are not part of the model's state: a copy or a pickle of the model starts without them.
    """

    def __init__(self):
        self._products: dict[Layers, LaidOutProduct] = {}
        self._lock = Lock()

    def __deepcopy__(self, memo: dict) -> Self:
        return type(self)()

    def __reduce__(self) -> tuple:
        return type(self), ()

    def free(self) -> None:
        """Free all layouts; a sampling run in progress keeps its own until it ends."""
        self._products = {}

    def prepare(self, model: nn.Module, together: Iterable[Layers]) -> StepLinear:
        """Lay out the weights that are new or have changed.

        Every weight is read once to see whether it has changed, since optimisers and moving averages write to weights
        in ways that torch does not record as a change.

        Args:
            model (`nn.Module`): the model, which is searched for hooks.
            together (`Iterable[tuple[nn.Module, ...]]`): its linear layers, grouped by the input they read.

        Returns:
            `StepLinear`: applies the layers in one sampling run, during which the weights must not change.
        """
        with self._lock:
            plain = [] if has_hooks(model) else [layers for layers in together if can_lay_out(layers)]
            marks = {layers: tuple(map(_mark, layers)) for layers in plain}
            kept = {
                layers: product for layers, product in self._products.items() if marks.get(layers) == product.marks
            }
            # A dictionary of its own, since a sampling run in another thread may use the one before. It frees what is
            # outdated before anything is laid out anew.
            self._products = kept
            for layers in plain:
                if layers not in kept:
                    kept[layers] = _lay_out(layers, marks[layers])
            return StepLinear(kept)


def has_hooks(model: nn.Module) -> bool:
    """Whether accelerate or diffusers has hooks on the model's modules, which may move or cast weights in any call.

    Args:
        model (`nn.Module`): the model. A hook of accelerate on the model itself is ignored, since it has already run
            when sampling begins; a hook of diffusers acts in each call.

    Returns:
        `bool`: whether there are any.
    """
    names = ((REPLACED if module is not model else {"_diffusers_hook"}, vars(module)) for module in model.modules())
    return any(not replaced.isdisjoint(attributes) for replaced, attributes in names)


def can_lay_out(layers: Layers) -> bool:
    """Whether calling the layers computes products with float32 weights on a CPU and nothing else.

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
    """A fingerprint of the weight: its address, its shape and the sum of its bits, 64 at a time if possible."""
    weight = layer.weight.detach()
    bits = weight.view(torch.int64 if weight.shape[1] % 2 == 0 and weight.is_contiguous() else torch.int32)
    return weight.data_ptr(), tuple(weight.shape), int(bits.sum())


def _lay_out(layers: Layers, marks: tuple) -> LaidOutProduct:
    weights = [layer.weight.detach() for layer in layers]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight)
    return LaidOutProduct(packed, tuple(layer.weight.shape[0] for layer in layers), marks)
