# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights of linear layers laid out for products with few rows, which sampling steps compute hundreds of times.

On a CPU, weights are packed once into oneDNN's own layout. With few rows, this is several times faster than packing
them again in every product, or not at all. Layers that read the same input become one matrix, and so do 8-bit layers,
which then quantise their input once. The layouts are kept between calls and made again when the weights have changed.
A layer that is not plain (with adapters or hooks, offloaded, compiled, quantised by others) is simply called.

Legend: B batch, n places of one step, D width of the input, O of the output.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Self

import torch
from torch import nn

from nuwa_hf.modeling.int8_linear import Int8Linear


# Attributes that accelerate and diffusers set on a module when they replace its `forward` by a hook.
REPLACED = {"forward", "_hf_hook", "_diffusers_hook"}
# Numbers of a weight that its fingerprint takes together: a prime, so that pieces end at other columns in each row.
PIECE = 1021

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
    outputs = [layer(hidden_states) for layer in layers]
    return tuple([nn.functional.gelu(output) for output in outputs] if use_gelu else outputs)


@dataclass(frozen=True)
class LaidOutProduct:
    """A single product for layers that read the same input.

    Args:
        multiply (`Callable`): `multiply(hidden_states, use_gelu)` gives the outputs side by side.
        sizes (`tuple[int, ...]`): O, the width of each output.
        marks (`tuple`): fingerprints of the weights, which tell whether they have changed since.
    """

    multiply: Callable[[torch.Tensor, bool], torch.Tensor]
    sizes: tuple[int, ...]
    marks: tuple

    def __call__(self, hidden_states: torch.Tensor, use_gelu: bool) -> tuple[torch.Tensor, ...]:
        """The outputs of the layers, each of shape `(..., O)`, for an input of shape `(..., D)`."""
        joined = self.multiply(hidden_states, use_gelu)
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
        is_plain_call = not (torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"))
        product = self.products.get(layers) if is_plain_call else None
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
        self._num_fixed = 0  # promises that the weights stay as they are
        self._fixed: StepLinear | None = None  # what they were laid out as since

    def __deepcopy__(self, memo: dict) -> Self:
        return type(self)()

    def __reduce__(self) -> tuple:
        return type(self), ()

    def free(self) -> None:
        """Free all layouts; a sampling run in progress keeps its own until it ends."""
        self._products, self._fixed = {}, None

    @contextmanager
    def fixed(self) -> Iterator[None]:
        """A context in which the weights do not change, so that they are looked at once rather than in every run.

        Yields:
            Nothing.
        """
        with self._lock:
            self._num_fixed += 1
        try:
            yield
        finally:
            with self._lock:
                self._num_fixed -= 1
                self._fixed = self._fixed if self._num_fixed else None

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
            if self._fixed is not None:
                return self._fixed
            plain = (
                [] if has_hooks(model) else [layers for layers in together if can_pack(layers) or _can_join(layers)]
            )
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
            linear = StepLinear(kept)
            self._fixed = linear if self._num_fixed else None
            return linear


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


def laid_out_bytes(layers: Layers) -> int:
    """Memory that the layout of layers takes beside their own weights.

    Args:
        layers (`tuple[nn.Module, ...]`): linear layers that read the same input; they may be on the meta device.

    Returns:
        `int`: bytes; 0 for layers that are simply called.
    """
    if can_pack(layers):
        return sum(layer.weight.nbytes for layer in layers)
    return sum(layer.weight.nbytes + layer.scale.nbytes for layer in layers) if _can_join(layers) else 0


def can_pack(layers: Layers) -> bool:
    """Whether calling the layers computes products on a CPU whose weights oneDNN can pack, and nothing else.

    Args:
        layers (`tuple[nn.Module, ...]`): linear layers.

    Returns:
        `bool`: whether they can become one packed product.
    """
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and all(_is_plain(layer, nn.Linear) for layer in layers)
        and layers[0].weight.dtype in _packed_dtypes()
    )


def _can_join(layers: Layers) -> bool:
    """Whether the layers are 8-bit layers that read one input, which is then quantised once."""
    return len(layers) > 1 and all(_is_plain(layer, Int8Linear) for layer in layers)


def _is_plain(layer: nn.Module, kind: type) -> bool:
    return (
        type(layer) is kind
        and layer.bias is None
        and type(layer.weight) in (nn.Parameter, torch.Tensor)
        and layer.weight.device.type in ("cpu", "meta")
        and layer._compiled_call_impl is None
        and not (layer._forward_hooks or layer._forward_pre_hooks)
    )


@cache
def _packed_dtypes() -> tuple[torch.dtype, ...]:
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return (torch.float32, torch.bfloat16) if has_bfloat16 else (torch.float32,)


def _mark(layer: nn.Linear | Int8Linear) -> tuple:
    """A fingerprint of the weight: its address, its shape and a sum of its bits."""
    weight = layer.weight.detach()
    scale = _numbered_sum(layer.scale) if isinstance(layer, Int8Linear) else None
    return weight.data_ptr(), tuple(weight.shape), _numbered_sum(weight), scale


def _numbered_sum(tensor: torch.Tensor) -> int:
    """A sum of a tensor's bits, 64 at a time if possible, that rows or columns in another order change.

    Every piece counts as often as an odd number of its own says, so that no change of one alone is lost in 64 bits.
    """
    fits = tensor.is_contiguous() and tensor.shape[-1] * tensor.itemsize % 8 == 0
    dtype = torch.int64 if fits else {1: torch.int8, 2: torch.int16, 4: torch.int32}[tensor.itemsize]
    bits = tensor.view(dtype).flatten()
    whole = len(bits) // PIECE * PIECE
    sums = torch.cat([bits[:whole].view(-1, PIECE).sum(1), bits[whole:]])
    return int(sums @ torch.arange(1, 2 * len(sums), 2, device=sums.device))


def _lay_out(layers: Layers, marks: tuple) -> LaidOutProduct:
    if can_pack(layers):
        weights = [layer.weight.detach() for layer in layers]
        packed = torch.ops.mkldnn._reorder_linear_weight(weights[0] if len(weights) == 1 else torch.cat(weights))

        def multiply(hidden_states: torch.Tensor, use_gelu: bool) -> torch.Tensor:
            after = ("gelu", [], "none") if use_gelu else ("none", [], "")  # with algorithm "none" the GELU is exact
            return torch.ops.mkldnn._linear_pointwise(hidden_states, packed, None, *after)
    else:
        joined = Int8Linear.concatenate(layers)

        def multiply(hidden_states: torch.Tensor, use_gelu: bool) -> torch.Tensor:
            output = joined(hidden_states)
            return nn.functional.gelu(output) if use_gelu else output

    return LaidOutProduct(multiply, tuple(layer.weight.shape[0] for layer in layers), marks)
