# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Which maps of modules to devices the transformer runs under."""

from typing import Any

import torch


OFFLOADED = ("cpu", "disk")  # modules there come to the accelerator when they run


def check_one_accelerator(device_map: Any) -> None:
    """Check that a device map spreads a model over one accelerator at most.

    The hooks of accelerate bring tensors to a module's device, but not those that stand in a condition, a step or a
    cache.

    Args:
        device_map: the `device_map` of `from_pretrained` or a model's `hf_device_map`; one that is no `dict` names no
            devices, or one.

    Raises:
        ValueError: If it names several accelerators.
    """
    devices = device_map.values() if isinstance(device_map, dict) else ()
    if len({_index(device) for device in devices if str(device).split(":")[0] not in OFFLOADED}) > 1:
        raise ValueError(
            f"`device_map` must keep the model on one accelerator, got {device_map}: layers on others would not find "
            'their conditions; give device_map="cuda". What does not fit may be offloaded to "cpu" or "disk".'
        )


def _index(device: int | str | torch.device) -> int:
    return device if isinstance(device, int) else torch.device(device).index or 0
