# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The libraries of the extra `eval`, which are imported only by what needs them."""

from importlib import import_module
from types import ModuleType

import torch


def import_library(name: str) -> ModuleType:
    """A library that is not installed with nuwa_hf itself.

    Args:
        name (`str`): a module, such as `"torch_fidelity"`.

    Returns:
        `ModuleType`.

    Raises:
        ValueError: If it cannot be imported: it is not there, or does not fit the torch that is installed.
    """
    try:
        return import_module(name)
    except (ImportError, RuntimeError, OSError) as error:  # a torchvision of another torch raises the last two
        raise ValueError(
            f"`{name}` must be installed, and fit torch {torch.__version__}, but cannot be imported ({error}); run "
            "`pip install nuwa_hf[eval]`."
        ) from error
