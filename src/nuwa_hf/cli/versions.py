# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What a report of a bug needs to know: versions of the libraries, Python, the machine and its device."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from nuwa_hf import __version__


LIBRARIES = (
    *("torch", "transformers", "diffusers", "accelerate", "datasets", "huggingface_hub", "tokenizers", "safetensors"),
    *("peft", "numpy", "pillow", "av", "einops", "triton", "ray", "gradio"),
)
WIDTH = max(map(len, LIBRARIES))


def versions_text() -> str:
    """The lines of `nuwa-hf --version`. Torch is imported, to name the device.

    Returns:
        `str`: the program and its version, then a line for each library, absent ones included.
    """
    rows = {name: _version_of(name) for name in LIBRARIES}
    rows |= {"Python": platform.python_version(), "platform": platform.platform()}
    rows["device"] = _device()
    return "\n".join([f"nuwa-hf {__version__}", *(f"{name:<{WIDTH}}  {text}" for name, text in rows.items())])


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _device() -> str:
    try:
        import torch
    except (ImportError, OSError) as error:  # a broken installation is what the report may be about
        return f"unknown, torch cannot be imported: {error}"
    threads = f"cpu, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    if not torch.cuda.is_available():
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return threads if accelerator is None else f"{accelerator.type}; {threads}"
    found = torch.cuda.get_device_properties(0)
    memory = f"{found.total_memory / 1e9:.0f} GB"
    platform_of_gpu = f"CUDA {torch.version.cuda}" if torch.version.hip is None else f"ROCm {torch.version.hip}"
    return f"{torch.cuda.device_count()} x {found.name}, {memory}, {platform_of_gpu}; {threads}"
