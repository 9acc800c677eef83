# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights stored in fewer bits than they are computed in, by the method that diffusers' models have."""

import torch
from diffusers.hooks import apply_layerwise_casting
from torch import nn


# Norms lose more in 8 bits than they save, and so do the matrices of LoRA.
KEPT = ("norm", "lora_")


class LayerwiseCastingMixin:
    """Gives a model of transformers diffusers' `enable_layerwise_casting`."""

    def enable_layerwise_casting(
        self,
        storage_dtype: torch.dtype = torch.float8_e4m3fn,
        compute_dtype: torch.dtype | None = None,
        skip_modules_pattern: tuple[str, ...] | None = None,
        skip_modules_classes: tuple[type[nn.Module], ...] | None = None,
        non_blocking: bool = False,
    ) -> None:
        """Store the weights of linear layers and embeddings in one dtype and cast each when its layer is called.

        `save_pretrained` writes the weights as they are stored; they load in the dtype that layers computed in.

        Args:
            storage_dtype (`torch.dtype`, defaults to `torch.float8_e4m3fn`): what weights are stored in.
            compute_dtype (`torch.dtype`, *optional*): what layers compute in; by default the model's dtype.
            skip_modules_pattern (`tuple[str, ...]`, *optional*): layers whose names match one of these patterns stay
                as they are; by default the norms and the matrices of LoRA adapters.
            skip_modules_classes (`tuple[type[nn.Module], ...]`, *optional*): so do layers of these classes.
            non_blocking (`bool`, defaults to `False`): whether nothing waits for a weight to be cast.
        """
        apply_layerwise_casting(
            self,
            storage_dtype=storage_dtype,
            compute_dtype=self.dtype if compute_dtype is None else compute_dtype,
            skip_modules_pattern=KEPT if skip_modules_pattern is None else skip_modules_pattern,
            skip_modules_classes=skip_modules_classes,
            non_blocking=non_blocking,
        )
        if skip_modules_pattern is None:  # then inputs must be cast to the dtype that the matrices of LoRA stay in
            for module in self.modules():
                if hasattr(module, "_diffusers_hook"):
                    module._diffusers_hook.remove_hook("peft_autocast_disable", recurse=False)


def keep_adapter(model: nn.Module, adapter_name: str) -> None:
    """Give a new adapter the dtype that layers compute in: PEFT makes it in the one that weights are stored in.

    Args:
        model (`nn.Module`): what the adapter was injected into; without layerwise casting nothing is changed.
        adapter_name (`str`): its name.
    """
    for layer in model.modules():
        hooks = getattr(getattr(layer, "base_layer", None), "_diffusers_hook", None)
        casting = None if hooks is None else hooks.get_hook("layerwise_casting")
        if casting is not None and adapter_name in getattr(layer, "lora_A", ()):
            layer.lora_A[adapter_name].to(casting.compute_dtype)
            layer.lora_B[adapter_name].to(casting.compute_dtype)
