# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""LoRA adapters in a pipeline, by the methods that diffusers' pipelines have."""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import torch
from diffusers import DiffusionPipeline
from diffusers.loaders.lora_base import LoraBaseMixin
from diffusers.utils.peft_utils import get_adapter_name
from torch import nn
from transformers import CLIPTokenizer, PreTrainedModel

from nuwa_hf.modeling.layerwise_casting import keep_adapter
from nuwa_hf.modeling.tokenization_nuwa import forget_last_call
from nuwa_hf.pipelines.fused_adapters import (
    check_is_in_memory,
    check_nothing_is_fused,
    check_weights_can_change,
    restore_scales,
    scale_for_fusing,
    scale_for_unfusing,
)
from nuwa_hf.pipelines.lora_weights import (
    NO_HOTSWAP,
    check_adapter_fits,
    check_adapter_is_whole,
    download_arguments,
    read_adapter,
)
from nuwa_hf.storage.offloaded_weights import check_is_not_on_disk
from nuwa_hf.storage.portable_names import PEFT_ORIGIN, portable_name
from nuwa_hf.storage.saved_models import saves_whole


TRANSFORMER = "transformer"


class LoraMixin(LoraBaseMixin):
    """Loads, saves, mixes and removes LoRA adapters of the transformer.

    From diffusers come `unload_lora_weights`, `set_adapters`, `get_active_adapters`, `get_list_adapters`,
    `enable_lora`, `disable_lora` and `set_lora_device`. Pipelines that share a transformer share its adapters.
    """

    _lora_loadable_modules = [TRANSFORMER]  # noqa: RUF012 (declared so by diffusers)

    def load_lora_weights(
        self,
        pretrained_model_name_or_path_or_dict: str | os.PathLike | Mapping[str, torch.Tensor],
        adapter_name: str | None = None,
        *,
        weight_name: str | None = None,
        **download: Any,
    ) -> None:
        """Load a LoRA adapter into the transformer and make it the active one.

        Args:
            pretrained_model_name_or_path_or_dict (`str`, `os.PathLike` or `Mapping`): a folder such as the `adapter`
                of a training run, a file, the id of a repository on the Hub, or the adapter's weights. Weights alone
                do not say their alpha; it is then their rank.
            adapter_name (`str`, *optional*): what the other methods call it; by default `"default_0"`, then
                `"default_1"` and so on.
            weight_name (`str`, *optional*): the file of the weights, if the folder has several.
            download (`dict`): for a repository, arguments of `huggingface_hub.hf_hub_download`, such as `revision`,
                `subfolder` and `token`. Those of diffusers that are not needed, `low_cpu_mem_usage` and
                `use_safetensors`, change nothing.

        Raises:
            TypeError: If there is no such argument.
            ValueError: If PEFT is not installed, the name is taken or cannot be one, `hotswap` is asked for, the
                transformer is offloaded to disk or has adapters in its weights, or the adapter is not one of LoRA for
                this transformer, whole as its settings say. Nothing has changed then.
            OSError: If there is no adapter, or its files are damaged.
        """
        download = download_arguments(download)
        if find_spec("peft") is None:
            raise ValueError("An adapter must be loaded by the package peft; run `pip install nuwa_hf[lora]`.")
        from diffusers.hooks.group_offloading import _maybe_remove_and_reapply_group_offloading
        from peft import inject_adapter_in_model, set_peft_model_state_dict

        transformer = self.transformer
        _check_is_not_compiled(transformer)
        if not isinstance(transformer, PreTrainedModel):
            raise ValueError(
                f"`transformer` must be a model of transformers, got {type(transformer).__name__}; use its own "
                "`load_adapter`, or put `merge_and_unload()` of it into the pipeline first."
            )
        adapter = read_adapter(pretrained_model_name_or_path_or_dict, weight_name=weight_name, **download)
        config, name = adapter.config, adapter_name or get_adapter_name(transformer)
        if name in getattr(transformer, "peft_config", {}):
            raise ValueError(
                f"`adapter_name` must be new, got {name!r}; choose another, or remove that one with `delete_adapters`."
            )
        if not isinstance(name, str) or "." in name or hasattr(nn.ModuleDict(), name):
            raise ValueError(
                f"`adapter_name` must be a name that a module may have, without dots, got {name!r}; choose another."
            )
        check_nothing_is_fused(transformer)
        check_adapter_fits(adapter, transformer)
        check_is_in_memory(transformer)
        check_adapter_is_whole(adapter, transformer)
        is_model_offloaded, is_sequentially_offloaded, _ = self._optionally_disable_offloading(self)
        learnt = [weight for weight in transformer.parameters() if weight.requires_grad]
        with torch.random.fork_rng(devices=[]):  # PEFT draws weights, which those of the adapter replace
            inject_adapter_in_model(config, transformer, name, state_dict=adapter.state)
        keep_adapter(transformer, name)
        for weight in learnt:
            weight.requires_grad_(True)  # PEFT freezes all but the adapter, and they would stay so without it
        set_peft_model_state_dict(transformer, adapter.state, name)
        transformer._hf_peft_config_loaded = True  # where transformers and diffusers look for adapters
        transformer.train(transformer.training)  # the adapter's dropout too
        self.set_adapters(name)
        _maybe_remove_and_reapply_group_offloading(transformer)  # whose groups know nothing of the adapter
        if is_model_offloaded:
            self.enable_model_cpu_offload()
        elif is_sequentially_offloaded:
            self.enable_sequential_cpu_offload()

    @classmethod
    def save_lora_weights(
        cls,
        save_directory: str | os.PathLike,
        transformer_lora_layers: Mapping[str, torch.Tensor],
        is_main_process: bool = True,
        weight_name: str | None = None,
        save_function: Callable[[dict[str, torch.Tensor], str], None] | None = None,
        safe_serialization: bool = True,
        transformer_lora_adapter_metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Save a LoRA adapter in the layout of diffusers, one `.safetensors` file.

        Args:
            save_directory (`str` or `os.PathLike`): the folder.
            transformer_lora_layers (`Mapping[str, torch.Tensor]`): what `peft.get_peft_model_state_dict` gives for the
                transformer.
            is_main_process (`bool`, defaults to `True`): whether this process writes; of several, one should.
            weight_name (`str`, *optional*): the file; by default `pytorch_lora_weights.safetensors`.
            save_function (`Callable`, *optional*): what writes the weights, given them and the file's name; by default
                safetensors, which writes the settings too.
            safe_serialization (`bool`, defaults to `True`): must be `True`.
            transformer_lora_adapter_metadata (`Mapping`, *optional*): the adapter's settings,
                `transformer.peft_config[adapter_name].to_dict()`. Without them alpha is the rank when it is loaded.

        Raises:
            ValueError: If there are no weights, `safe_serialization` is `False`, or there are settings beside a
                `save_function`, which would not write them.
        """
        if not safe_serialization:
            raise ValueError(
                "`safe_serialization` must be True, got False: an adapter is written as safetensors only, since a "
                "pickle can run code when it is read; leave it out."
            )
        if save_function is not None and transformer_lora_adapter_metadata:
            raise ValueError(
                "`save_function` must be left out beside `transformer_lora_adapter_metadata`, which it would not "
                f"write, got {save_function!r}; leave one of them out."
            )
        if not transformer_lora_layers:
            raise ValueError(
                "`transformer_lora_layers` must be the weights of an adapter, got none; see "
                "`peft.get_peft_model_state_dict`."
            )
        if not is_main_process:
            return
        given = transformer_lora_adapter_metadata or {}
        # A set would be written in the order of its hashes, another one in each process.
        settings = {name: sorted(value) if isinstance(value, set) else value for name, value in given.items()}
        if base := settings.get(PEFT_ORIGIN):
            settings[PEFT_ORIGIN] = portable_name(base)
        layers = {name.removeprefix("base_model.model."): weight for name, weight in transformer_lora_layers.items()}
        cls._save_lora_weights(
            save_directory,
            {TRANSFORMER: layers},
            {TRANSFORMER: settings or None},
            weight_name=weight_name,
            save_function=save_function,
        )

    def delete_adapters(self, adapter_names: list[str] | str) -> None:
        """Delete adapters; with the last one the transformer is plain again, as after `unload_lora_weights`.

        Args:
            adapter_names (`list[str]` or `str`): which ones.

        Raises:
            ValueError: If PEFT is not installed, or one is in the weights.
        """
        self.check_components(TRANSFORMER)
        check_nothing_is_fused(self.transformer, [adapter_names] if isinstance(adapter_names, str) else adapter_names)
        super().delete_adapters(adapter_names)
        if not hasattr(self.transformer, "peft_config"):
            self.unload_lora_weights()  # PEFT's layers, which diffusers leaves around the weights

    def fuse_lora(
        self,
        components: list[str] | None = None,
        lora_scale: float = 1.0,
        safe_fusing: bool = False,
        adapter_names: list[str] | None = None,
    ) -> None:
        """Add the adapters to the transformer's weights; `unload_lora_weights` then leaves a plain, fast transformer.

        Args:
            components (`list[str]`, *optional*): by default `["transformer"]`, the only one with adapters.
            lora_scale (`float`, defaults to 1.0): scale of what is added.
            safe_fusing (`bool`, defaults to `False`): whether to check the sums for NaN first.
            adapter_names (`list[str]`, *optional*): which adapters; by default the active ones.

        Raises:
            ValueError: If another component is named, the transformer's weights are stored in 8 bits, or they are
                elsewhere until it is called: on disk, or with a hook of sequential offloading.
        """
        self.check_components(TRANSFORMER)
        check_weights_can_change(self.transformer)
        scale_for_fusing(self.transformer, adapter_names, lora_scale)
        try:
            super().fuse_lora(components or [TRANSFORMER], 1.0, safe_fusing, adapter_names)
        finally:
            restore_scales(self.transformer)  # of those that are not in the weights after all

    def unfuse_lora(self, components: list[str] | None = None) -> None:
        """Subtract the adapters again that `fuse_lora` has added, up to rounding; each has its own scale again.

        Args:
            components (`list[str]`, *optional*): by default `["transformer"]`, the only one with adapters.

        Raises:
            ValueError: As for `fuse_lora`.
        """
        self.check_components(TRANSFORMER)
        check_weights_can_change(self.transformer)
        scale_for_unfusing(self.transformer)
        super().unfuse_lora(components or [TRANSFORMER])
        restore_scales(self.transformer)

    def enable_lora_hotswap(self, **kwargs: Any) -> None:
        """Not supported: load the next adapter under another name, and choose with `set_adapters`.

        Args:
            kwargs: those of diffusers.

        Raises:
            ValueError: Always.
        """
        raise ValueError(NO_HOTSWAP)

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs: Any) -> None:
        """Save the pipeline, as diffusers does. A save that fails leaves what there was before.

        Args:
            save_directory (`str` or `os.PathLike`): the folder.
            kwargs: everything that `DiffusionPipeline.save_pretrained` takes, such as `max_shard_size` and `variant`.

        Raises:
            ValueError: If the transformer has adapters, which a pipeline's folder has no place for, or layers of PEFT
                that adapters have left, or a component is offloaded to disk by groups.
            OSError: If something cannot be written, for example on a full disk.
        """
        self._check_can_be_saved()
        if isinstance(self.tokenizer, CLIPTokenizer):  # ours does so itself
            forget_last_call(self.tokenizer)
        saves_whole(DiffusionPipeline.save_pretrained)(self, save_directory, **kwargs)

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> str:
        """Push the pipeline to the Hub, as diffusers does.

        Args:
            repo_id (`str`): the repository.
            kwargs: everything that `DiffusionPipeline.push_to_hub` takes, such as `private` and `commit_message`.

        Returns:
            `str`: the commit's URL.

        Raises:
            ValueError: As for `save_pretrained`; no repository has been created then.
        """
        self._check_can_be_saved()
        return super().push_to_hub(repo_id, **kwargs)

    def _check_can_be_saved(self) -> None:
        self._check_has_no_adapters()
        for name, component in self.components.items():
            if isinstance(component, nn.Module):
                check_is_not_on_disk(name, component)

    def _check_has_no_adapters(self) -> None:
        if not hasattr(self.transformer, "peft_config"):
            self._check_has_no_adapter_layers()
            return
        _check_is_not_compiled(self.transformer)
        is_loaded = isinstance(self.transformer, PreTrainedModel)
        merge = "`fuse_lora()` and `unload_lora_weights()`" if is_loaded else "`merge_and_unload()`"
        alone = "`save_lora_weights`" if is_loaded else "its own `save_pretrained`"
        raise ValueError(
            "`transformer` must have no adapters when the pipeline is saved, got a "
            f"{type(self.transformer).__name__} with {', '.join(map(repr, self.transformer.peft_config))}; merge them "
            f"with {merge} first, or save the adapter alone with {alone}."
        )

    def _check_has_no_adapter_layers(self) -> None:
        modules = () if self.transformer is None else self.transformer.modules()
        kinds = {type(module) for module in modules if type(module).__module__.startswith("peft.")}
        if kinds:
            _check_is_not_compiled(self.transformer)
            raise ValueError(
                "`transformer` must have no layers of PEFT when the pipeline is saved, which change the names of its "
                f"weights, got {', '.join(sorted(kind.__name__ for kind in kinds))}; call `unload_lora_weights()` "
                "first."
            )


def _check_is_not_compiled(transformer: nn.Module | None) -> None:
    if hasattr(transformer, "_orig_mod"):
        raise ValueError(
            "`transformer` must be the model itself where adapters are loaded or left, got what `torch.compile` "
            "returned, whose `generate` is not compiled; set `pipeline.transformer = "
            "pipeline.transformer._orig_mod`, and compile it in place with `pipeline.transformer.compile()`."
        )
