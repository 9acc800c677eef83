# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Weights that diffusers' group offloading brings to a module only while it is called, and otherwise has elsewhere."""

from typing import Any

from torch import nn


def group_offloading_hook(module: nn.Module) -> Any | None:
    """The hook that brings the weights of a module's group.

    Args:
        module (`nn.Module`): a model or a part of one.

    Returns:
        diffusers' `GroupOffloadingHook`; None if the module has none.
    """
    hooks = getattr(module, "_diffusers_hook", None)
    return None if hooks is None else hooks.get_hook("group_offloading")


def offload_folder(model: nn.Module) -> str | None:
    """Where group offloading keeps weights of a model on disk, whose parameters hold no numbers then.

    Args:
        model (`nn.Module`): the model.

    Returns:
        `str`; None if it keeps none there.
    """
    hooks = filter(None, map(group_offloading_hook, model.modules()))
    return next((hook.config.offload_to_disk_path for hook in hooks if hook.config.offload_to_disk_path), None)


def check_is_not_on_disk(name: str, model: nn.Module) -> None:
    """Check that a model's weights are what its parameters hold: those of groups on disk hold no numbers at all.

    Args:
        name (`str`): what messages call the model.
        model (`nn.Module`): the model.

    Raises:
        ValueError: If some are offloaded to disk.
    """
    if (folder := offload_folder(model)) is not None:
        raise ValueError(
            f"`{name}` must not be offloaded to disk where its weights are saved or changed, got the folder "
            f"{folder!r}, which has them; do it before `enable_group_offload` is called, or with the checkpoint "
            "loaded anew."
        )
