# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Adapters of PEFT in a model, where transformers by itself loses some of their weights, or the model's names."""

import os
from typing import Any

from torch import nn
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightRenaming

from nuwa_hf.storage.weights_files import check_some_are_loaded


# The end of a DoRA vector's name in a file, with the adapter's name, and in a model.
DORA_NAMES = (r"(lora_magnitude_vector\.[^.]+)$", r"\1.weight")


class AdaptersMixin:
    """Loading and deleting of adapters, before `PreTrainedModel` among the bases of a class."""

    def load_adapter(
        self,
        peft_model_id: str | os.PathLike | None = None,
        adapter_name: str | None = None,
        *args: Any,
        load_config: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Load an adapter, as `PreTrainedModel.load_adapter` does, with the vectors of DoRA.

        PEFT saves these without the ".weight" that they have in a model, and transformers by itself leaves them out.

        Args:
            peft_model_id (`str` or `os.PathLike`, *optional*): a folder or a repository; None for weights as they are.
            adapter_name (`str`, *optional*): "default" if it is not given.
            args: further positional arguments of `PreTrainedModel.load_adapter`.
            load_config (`LoadStateDictConfig`, *optional*): what `from_pretrained` was given.
            kwargs: everything else that `PreTrainedModel.load_adapter` takes.

        Returns:
            `LoadStateDictInfo`: which weights were missing and the like.

        Raises:
            OSError: If none of its weights is one of an adapter of this model, which is then as it was.
        """
        given = kwargs.pop("weight_mapping", None) or getattr(load_config, "weight_mapping", None)
        renamings = [*(given or get_model_conversion_mapping(self)), WeightRenaming(*DORA_NAMES)]
        of_model, name = getattr(self, "_weight_conversions", None), adapter_name or "default"
        is_new = not self._hf_peft_config_loaded or name not in self.peft_config
        kwargs.update(load_config=load_config, weight_mapping=renamings)
        try:
            info = super().load_adapter(peft_model_id, adapter_name, *args, **kwargs)
        finally:
            self._weight_conversions = of_model  # saving would give all weights the names of an adapter's file
        try:
            weights = [weight for weight, _ in self.named_parameters() if f".{name}." in f"{weight}."]
            if weights:
                check_some_are_loaded(peft_model_id or "`adapter_state_dict`", weights, info.missing_keys)
        except OSError:
            if is_new:
                self.delete_adapter(name)
            raise
        return info

    def delete_adapter(self, adapter_names: list[str] | str) -> None:
        """Delete adapters, as `PreTrainedModel.delete_adapter` does; without any, the model has its own layers again.

        Args:
            adapter_names (`str` or `list[str]`): their names.
        """
        super().delete_adapter(adapter_names)
        if not self._hf_peft_config_loaded:
            self.free_laid_out_weights()
            _take_out_wrappers(self)  # in which all weights would be saved under other names


def _take_out_wrappers(module: nn.Module) -> None:
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    for name, child in list(module.named_children()):
        if isinstance(child, BaseTunerLayer):
            setattr(module, name, child.get_base_layer())
        elif isinstance(child, AuxiliaryTrainingWrapper):
            setattr(module, name, child.original_module)
        else:
            _take_out_wrappers(child)
