# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Adapters that are added to the weights: whether they can be, and their scales meanwhile.

What is subtracted again is what was added, and then each adapter has its own scale again.
"""

from collections.abc import Iterator, Sequence

from torch import nn

from nuwa_hf.storage.offloaded_weights import check_is_not_on_disk


FUSED = "_fused_scales"  # of a layer of PEFT: the scales of each fused adapter, its own and the one it was added with


def check_is_in_memory(transformer: nn.Module) -> None:
    """Check that no part of a transformer is offloaded to disk.

    Args:
        transformer (`nn.Module`): the component of a pipeline.

    Raises:
        ValueError: If some part is, by groups or by a `device_map`.
    """
    check_is_not_on_disk("transformer", transformer)
    device_map = getattr(transformer, "hf_device_map", None) or {}
    if "disk" in device_map.values():
        raise ValueError(
            "`transformer` must not be offloaded to disk where adapters are loaded or fused, got the `device_map` "
            f"{device_map}; load it with one that keeps all weights in memory, or with none."
        )


def check_weights_can_change(transformer: nn.Module) -> None:
    """Check that adapters can be added to the weights of a transformer, or subtracted.

    Args:
        transformer (`nn.Module`): the component of a pipeline.

    Raises:
        ValueError: If weights are not in memory, or stored in 8 bits.
    """
    check_is_in_memory(transformer)
    for weight in transformer.parameters():
        if weight.is_meta:
            raise ValueError(
                "`transformer` must have its weights where adapters are added to them, got the device meta, as "
                "sequential offloading leaves it between calls; call `pipeline.remove_all_hooks()` first, and offload "
                "again when the adapters are fused."
            )
        if weight.is_floating_point() and weight.itemsize == 1:
            raise ValueError(
                f"`transformer` must have weights that adapters can be added to, got {weight.dtype}; fuse them before "
                "`enable_layerwise_casting` is called."
            )


def check_nothing_is_fused(transformer: nn.Module, names: Sequence[str] | None = None) -> None:
    """Check that adapters are not in the weights of a transformer where they would be lost, or could not leave.

    Args:
        transformer (`nn.Module`): the component of a pipeline.
        names (`Sequence[str]`, *optional*): which adapters; all of them if None.

    Raises:
        ValueError: If one is.
    """
    fused = {name for layer in _layers(transformer) for name in layer.merged_adapters}
    fused &= fused if names is None else set(names)
    if fused:
        raise ValueError(
            "`transformer` must have no adapters in its weights where others are loaded or these are deleted, got "
            f"{', '.join(map(repr, sorted(fused)))}; call `unload_lora_weights()` first to leave them in, or "
            "`unfuse_lora()` to take them out."
        )


def check_active_adapters_draw(transformer: nn.Module) -> None:
    """Check that no active adapter is left out: a layer with one in its weights reads none beside them.

    Args:
        transformer (`nn.Module`): the component of a pipeline.

    Raises:
        ValueError: If one is.
    """
    if not hasattr(transformer, "peft_config"):
        return
    for layer in _layers(transformer):
        if not layer.merged_adapters or layer.disable_adapters:
            continue
        for name in layer.active_adapters:
            if layer.scaling.get(name) and name not in layer.merged_adapters:
                raise ValueError(
                    f"`transformer` must have its active adapters all in its weights or all beside them, got {name!r} "
                    f"beside {', '.join(map(repr, layer.merged_adapters))}, which are in, so that it would be left "
                    "out; call `fuse_lora()` for it too, or `unfuse_lora()`."
                )


def scale_for_fusing(model: nn.Module, adapter_names: Sequence[str] | None, factor: float) -> None:
    """Multiply the scales of adapters that are about to be added to the weights.

    Args:
        model (`nn.Module`): a model with adapters.
        adapter_names (`Sequence[str]`, *optional*): which adapters; None for the active ones. Those that are in the
            weights already are left alone.
        factor (`float`): multiplies their scales.
    """
    restore_scales(model)  # of those that PEFT took out itself, as it does where adapters are turned off
    for layer in _layers(model):
        scales = vars(layer).setdefault(FUSED, {})
        for name in layer.active_adapters if adapter_names is None else adapter_names:
            if name in layer.scaling and name not in layer.merged_adapters:
                scales[name] = (layer.scaling[name], layer.scaling[name] * factor)
                layer.scaling[name] *= factor


def scale_for_unfusing(model: nn.Module) -> None:
    """Give adapters the scales that they were added with, whatever `set_adapters` has set since.

    Args:
        model (`nn.Module`): a model with adapters in its weights.
    """
    for layer in _layers(model):
        for name, (_, fused) in vars(layer).get(FUSED, {}).items():
            if layer.scaling.get(name, fused) != fused:
                vars(layer)[FUSED][name] = (layer.scaling[name], fused)
                layer.scaling[name] = fused


def restore_scales(model: nn.Module) -> None:
    """Give adapters that are not in the weights their own scales again.

    Args:
        model (`nn.Module`): a model with adapters.
    """
    for layer in _layers(model):
        scales = vars(layer).get(FUSED, {})
        for name in [name for name in scales if name not in layer.merged_adapters]:
            own, _ = scales.pop(name)
            if name in layer.scaling:
                layer.scaling[name] = own


def _layers(model: nn.Module) -> Iterator[nn.Module]:
    """The layers of PEFT whose adapters have scales."""
    return (layer for layer in model.modules() if hasattr(layer, "merged_adapters") and hasattr(layer, "scaling"))
