# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The weights and the settings of a LoRA adapter: where they are found, and whether they fit a transformer."""

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY, LORA_WEIGHT_NAME_SAFE
from diffusers.utils import get_peft_kwargs
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HTTPError, LocalEntryNotFoundError
from safetensors import safe_open
from torch import nn
from transformers import PreTrainedModel

from nuwa_hf.modeling.sampling_arguments import no_such_argument
from nuwa_hf.storage.hub_errors import not_loaded
from nuwa_hf.storage.local_checkpoint import is_local_path, read_json
from nuwa_hf.storage.weights_files import check_weights_file


if TYPE_CHECKING:
    from peft import LoraConfig

PEFT_CONFIG, PEFT_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
# What PEFT and diffusers put before the names of the transformer's own modules.
PREFIXES = ("base_model.model.", "transformer.")
# Arguments of diffusers' loaders that change nothing here: there is one way to read weights, and it is the safe one.
NOT_NEEDED = ("low_cpu_mem_usage", "use_safetensors")
NO_HOTSWAP = "Adapters must not be swapped in place; load each by a name and call `set_adapters`."
# Beginnings of PEFT's `init_lora_weights` by which the base weights are changed as well.
CHANGE_BASE = ("pissa", "corda", "olora", "loftq", "lora_ga")
FACTORS = {".lora_A.weight": ("in_features", 1), ".lora_B.weight": ("out_features", 0)}


@dataclass(frozen=True)
class LoraAdapter:
    """A LoRA adapter as it was read.

    Args:
        state (`dict[str, torch.Tensor]`): names within the transformer to matrices A and B.
        settings (`Mapping`, *optional*): the arguments of its `peft.LoraConfig`, such as `r` and `lora_alpha`; None
            if they were not saved.
    """

    state: dict[str, torch.Tensor]
    settings: Mapping[str, Any] | None

    @property
    def config(self) -> "LoraConfig":
        """PEFT's configuration; without settings every rank is that of the matrices, and alpha is the rank."""
        from peft import LoraConfig
        from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

        if self.settings is None:
            ranks = {f"^{name}": weight.shape[1] for name, weight in self.state.items() if ".lora_B." in name}
            return LoraConfig(**get_peft_kwargs(ranks, None, self.state))
        kind = self.settings.get("peft_type", "LORA")
        if PEFT_TYPE_TO_CONFIG_MAPPING.get(kind) is not LoraConfig:
            raise ValueError(f"An adapter must be one of LoRA, got {kind!r}; load it with `peft.PeftModel`.")
        start = str(self.settings.get("init_lora_weights"))
        if start.lower().startswith(CHANGE_BASE):
            raise ValueError(
                f"An adapter must leave the base weights as they are, got `init_lora_weights` {start!r}, which changes"
                " them for good; save it with PEFT's `path_initial_model_for_weight_conversion`, or load it with "
                "`peft.PeftModel` and put `merge_and_unload()` of that into the pipeline."
            )
        return LoraConfig.from_peft_type(**{**self.settings, "peft_type": kind, "inference_mode": True})


def download_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """What `hf_hub_download` is to be given of the arguments of `load_lora_weights`.

    Args:
        given (`Mapping[str, Any]`): what was given by name, but for `adapter_name` and `weight_name`.

    Returns:
        `dict[str, Any]`: without what diffusers' loaders have and this one does not need.

    Raises:
        TypeError: If there is no such argument.
        ValueError: If `hotswap` is asked for.
    """
    not_given = ("repo_id", "filename", "dry_run")
    of_download = [name for name in signature(hf_hub_download).parameters if name not in not_given]
    known = ["adapter_name", "weight_name", *of_download, *NOT_NEEDED, "hotswap"]
    for name in given:
        if name not in known:
            raise no_such_argument(name, known)
    if given.get("hotswap"):
        raise ValueError(NO_HOTSWAP)
    return {name: value for name, value in given.items() if name in of_download}


def read_adapter(
    source: str | os.PathLike | Mapping[str, torch.Tensor], *, weight_name: str | None = None, **download: Any
) -> LoraAdapter:
    """Reads an adapter in the layout of PEFT, which `nuwa-hf train` writes, or in that of diffusers.

    Args:
        source (`str`, `os.PathLike` or `Mapping`): a folder, a file, the id of a repository on the Hub, or weights.
        weight_name (`str`, *optional*): the file of the weights.
        download (`dict`): arguments of `hf_hub_download`, such as `revision`, `subfolder` and `token`.

    Returns:
        `LoraAdapter`.

    Raises:
        ValueError: If the weights are not those of a LoRA adapter.
        OSError: If there is no adapter, or its files are damaged.
    """
    if isinstance(source, Mapping):
        return LoraAdapter(_own_names(source), None)
    name = os.fspath(source)
    if Path(name).is_file():
        name, weight_name = str(Path(name).parent), Path(name).name
    settings, unknown = None, None
    if weight_name in (None, PEFT_WEIGHTS):
        try:
            file = _find(name, PEFT_CONFIG, **download)
        except OSError as error:
            # In diffusers' layout there is no such file; of what is in the cache nobody knows that without the Hub.
            if weight_name is not None or not isinstance(error.__cause__, LocalEntryNotFoundError):
                raise
            file, unknown = None, error
        if file is not None:
            settings, weight_name = read_json(file), PEFT_WEIGHTS
    weight_name = weight_name or LORA_WEIGHT_NAME_SAFE
    if Path(weight_name).suffix != ".safetensors":
        raise ValueError(
            f"`weight_name` must be a .safetensors file, got {weight_name!r}; a pickle can run code when it is read."
        )
    file = _find(name, weight_name, **download)
    if file is None:
        if unknown is not None:
            raise unknown
        raise OSError(
            f"No adapter: {name} has neither {PEFT_CONFIG} nor {weight_name}; give the folder that `nuwa-hf train` or "
            "`save_lora_weights` wrote, or the file's name as `weight_name`."
        )
    check_weights_file(file)
    with safe_open(file, framework="pt") as weights:
        state = {key: weights.get_tensor(key) for key in weights.keys()}  # noqa: SIM118 (not a dict)
        saved = (weights.metadata() or {}).get(LORA_ADAPTER_METADATA_KEY)
    if settings is None and saved is not None:
        settings = {key.removeprefix(PREFIXES[1]): value for key, value in json.loads(saved).items()}
    return LoraAdapter(_own_names(state), settings)


def check_adapter_fits(adapter: LoraAdapter, model: nn.Module) -> None:
    """Check that a model has the linear maps of an adapter, of the same sizes.

    Args:
        adapter (`LoraAdapter`): the adapter.
        model (`nn.Module`): the transformer, with or without other adapters.

    Raises:
        ValueError: If it has not.
    """
    modules = dict(model.named_modules())
    for name, weight in adapter.state.items():
        for ending, (feature, axis) in FACTORS.items():
            if not name.endswith(ending):
                continue
            place = name.removesuffix(ending)
            layer = modules.get(place)
            layer = layer.get_base_layer() if hasattr(layer, "get_base_layer") else layer
            if not isinstance(layer, nn.Linear):
                what = "not there" if layer is None else f"of the class {type(layer).__name__}"
                raise ValueError(
                    f"The adapter must be for this transformer, but it changes `{place}`, which is {what}; load it "
                    "onto the checkpoint that it was trained from, with weights in floating point."
                )
            if weight.shape[axis] != getattr(layer, feature):
                raise ValueError(
                    f"The adapter must be for this transformer, whose `{place}` has {feature} = "
                    f"{getattr(layer, feature)}, got {weight.shape[axis]}; load it onto the checkpoint that it was "
                    "trained from."
                )


def check_adapter_is_whole(adapter: LoraAdapter, model: PreTrainedModel) -> None:
    """Check that an adapter holds the very weights that its settings ask for, by PEFT's own rules.

    PEFT finds some of this out when the model has changed already, and fills in the rest.

    Args:
        adapter (`LoraAdapter`): an adapter that fits the model.
        model (`PreTrainedModel`): the transformer.

    Raises:
        ValueError: If it does not, or its settings ask for more than LoRA.
    """
    from peft import get_peft_model_state_dict, inject_adapter_in_model

    config = deepcopy(adapter.config)  # PEFT writes into it
    if config.modules_to_save:
        raise ValueError(
            f"An adapter must hold LoRA alone, got `modules_to_save` {sorted(config.modules_to_save)}, whole modules; "
            "load it with `peft.PeftModel` and put `merge_and_unload()` of that into the pipeline."
        )
    with torch.device("meta"):
        empty = inject_adapter_in_model(config, type(model)(deepcopy(model.config)), state_dict=adapter.state)
    asked = _shapes(get_peft_model_state_dict(empty, adapter_name="default", save_embedding_layers=False))
    found = _shapes(adapter.state)
    for name in sorted(asked.keys() | found.keys()):
        if asked.get(name) != found.get(name):
            raise ValueError(
                f"An adapter must hold the weights that its settings ask for, {asked.get(name, 'none')} for `{name}`, "
                f"got {found.get(name, 'none')}; take weights and settings from one save."
            )


def _shapes(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    # The vectors of DoRA have the ending in some versions of PEFT.
    return {name.removesuffix(".weight"): tuple(weight.shape) for name, weight in state.items()}


def _find(name: str, file: str, *, subfolder: str | None = None, **download: Any) -> Path | None:
    """A file of a local folder or of a repository; None if it is not there."""
    if is_local_path(name):
        path = Path(name, subfolder or "", file)
        return path if path.is_file() else None
    try:
        return Path(hf_hub_download(name, file, subfolder=subfolder, **download))
    except EntryNotFoundError as error:
        if not isinstance(error, LocalEntryNotFoundError):
            return None
        raise not_loaded(name, error) from error
    except (HTTPError, OSError) as error:
        raise not_loaded(name, error) from error


def _own_names(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    prefix = next((prefix for prefix in PREFIXES if state and all(name.startswith(prefix) for name in state)), "")
    own = {name.removeprefix(prefix): weight for name, weight in state.items()}
    strange = [name for name in own if ".lora_" not in name]
    if strange or not own:
        raise ValueError(
            "An adapter must hold the weights of LoRA, whose names have `.lora_A` and `.lora_B`, got "
            f"{strange[0] if strange else 'no weights'!r}; a whole transformer goes into the pipeline as "
            "`transformer=`."
        )
    return own
