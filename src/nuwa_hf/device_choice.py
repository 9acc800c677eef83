# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The device that a command runs on, of those that this machine has."""

import torch


def choose_device(name: str | None) -> torch.device:
    """The device to run on.

    Args:
        name (`str`, *optional*): for example `"cpu"` or `"cuda:1"`; by default the accelerator if there is one.

    Returns:
        `torch.device`: the device.

    Raises:
        ValueError: If this machine has no such device.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name is None:
        return accelerator or torch.device("cpu")
    kinds = ["cpu"] if accelerator is None else ["cpu", accelerator.type]
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in kinds:
        raise ValueError(f"`--device` must be one of {', '.join(kinds)} on this machine, got {name!r}.")
    if device.type != "cpu" and device.index is not None and device.index >= torch.accelerator.device_count():
        raise ValueError(f"`--device` must be among the {torch.accelerator.device_count()} devices, got {name!r}.")
    return device


def is_on_cpu(name: str) -> bool:
    """Whether a command that takes the accelerator where there is one computes on the CPU.

    Accelerate has to be told so: without, each of several processes on a machine that has no accelerator takes itself
    for the only one.

    Args:
        name (`str`): `"cpu"`, or `"auto"` for the accelerator if there is one.

    Returns:
        `bool`.
    """
    return name == "cpu" or torch.accelerator.current_accelerator(check_available=True) is None
