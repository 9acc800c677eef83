# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Linear layers as a sampling step uses them: a few rows at a time, a hundred times over, with the same weights.

Layers that read the same input become one matrix, and float32 weights on a CPU are laid out once for oneDNN, which for
few rows is several times faster than laying them out again, or not at all, in every product. 8-bit layers that read
the same input quantise it once. Whatever is no plain layer (with adapters, with hooks, quantised by others) is called
as it is.

Legend: D width of the input, O of the output.
"""

from collections.abc import Callable

import torch
from torch import nn

from nuwa_hf.modeling.int8_linear import Int8Linear


def step_linear(*layers: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """One product for layers that read the same input.

    Args:
        layers (`nn.Module`): linear layers `D -> O_1, O_2, ...` without bias; their weights must not change while the
            result is in use.

    Returns:
        `Callable`: maps `(..., D)` to `(..., O_1 + O_2 + ...)`, the layers' outputs side by side.
    """
    if not all(_is_plain(layer, nn.Linear) for layer in layers):
        if len(layers) == 1:
            return layers[0]
        if all(_is_plain(layer, Int8Linear) for layer in layers):
            return Int8Linear.concatenate(layers)
        return lambda hidden_states: torch.cat([layer(hidden_states) for layer in layers], -1)
    weights = [layer.weight.detach() for layer in layers]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    if _can_pack(weight):
        packed = torch.ops.mkldnn._reorder_linear_weight(weight)
        return lambda hidden_states: torch.ops.mkldnn._linear_pointwise(hidden_states, packed, None, "none", [], "")
    return lambda hidden_states: nn.functional.linear(hidden_states, weight)


def step_linear_bytes(*layers: nn.Module) -> int:
    """Memory that `step_linear` takes beside the layers' own weights.

    Args:
        layers (`nn.Module`): linear layers.

    Returns:
        `int`: bytes.
    """
    if all(_is_plain(layer, nn.Linear) for layer in layers):
        is_copied = len(layers) > 1 or _can_pack(layers[0].weight)
        return is_copied * sum(layer.weight.nbytes for layer in layers)
    if len(layers) > 1 and all(_is_plain(layer, Int8Linear) for layer in layers):
        return sum(layer.weight.nbytes + layer.scale.nbytes for layer in layers)
    return 0


def _is_plain(layer: nn.Module, kind: type) -> bool:
    """Whether calling the layer is the product of this kind with its weight and nothing else."""
    return (
        type(layer) is kind
        and layer.bias is None
        and type(layer.weight) in (nn.Parameter, torch.Tensor)
        and not (layer._forward_hooks or layer._forward_pre_hooks or hasattr(layer, "_hf_hook"))
    )


def _can_pack(weight: torch.Tensor) -> bool:
    return (
        weight.device.type in ("cpu", "meta")
        and weight.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and not torch.is_autocast_enabled("cpu")
    )
