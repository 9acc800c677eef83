# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A saved codec, of whatever class it is."""

import os
from pathlib import Path
from typing import Any

import diffusers
from diffusers import ConfigMixin, ModelMixin
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME

from nuwa_hf.modeling.codec.protocol import as_codec
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.find_checkpoint import naming_refused_weights
from nuwa_hf.storage.local_checkpoint import check_local_weights, check_variant, is_local_path
from nuwa_hf.storage.weights_files import check_some_are_loaded


class _AnyModel(ModelMixin, ConfigMixin):
    """Reads the configuration of any model."""


def load_codec(
    name_or_path: str | os.PathLike, subfolder: str | None = None, *, variant: str | None = None, **hub: Any
) -> ModelMixin:
    """Loads a codec of the class that its configuration names: `NuwaVQGAN`, or one of diffusers.

    Args:
        name_or_path (`str` or `os.PathLike`): a folder that `save_pretrained` wrote, or a repository on the Hub.
        subfolder (`str`, *optional*): the folder in it.
        variant (`str`, *optional*): of the weights, such as `"fp16"`.
        hub: `revision`, `token`, `cache_dir` and others, for the Hub.

    Returns:
        The model, in evaluation mode; `as_codec` gives what speaks the protocol for it.

    Raises:
        OSError: If there is no model or none of the variant, or its weights are cut off, a pointer of Git LFS, or of
            a model in a wrapper; or why the Hub cannot provide it.
        ValueError: If diffusers knows no class of its name.
        TypeError: If the model is no codec.
    """
    check_local_weights(name_or_path, subfolder)
    if is_local_path(name_or_path):
        check_variant(Path(name_or_path, subfolder or ""), variant)
    with naming_what_is_broken(name_or_path):
        config = _AnyModel.load_config(name_or_path, subfolder=subfolder, **hub)
    name = str(config.get("_class_name"))
    if not hasattr(diffusers, name):
        raise ValueError(
            f"`{name_or_path}` must hold a codec of nuwa_hf or of diffusers, got a model of the class {name!r}; load "
            "codecs of your own in Python and hand them over."
        )
    options = {"subfolder": subfolder, "variant": variant, "output_loading_info": True, **hub}
    refused = naming_refused_weights(name_or_path, SAFETENSORS_WEIGHTS_NAME, options)
    with refused, naming_what_is_broken(name_or_path):
        model, info = getattr(diffusers, name).from_pretrained(name_or_path, **options)
    check_some_are_loaded(name_or_path, model.state_dict(), info["missing_keys"])
    as_codec(model)
    return model
