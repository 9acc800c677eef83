# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The packages of the extra `eval`, imported when they are needed."""

import importlib
from types import ModuleType


def require_evaluation_packages() -> None:
    """Import what metrics of sets and intervals over seeds need, so that what is missing is known before any work.

    Raises:
        ValueError: If a package is absent or cannot be imported.
    """
    for module in ("torch_fidelity", "scipy.stats"):
        import_for_evaluation(module)


def import_for_evaluation(module: str) -> ModuleType:
    """Import a module of a package that the extra `eval` installs.

    Args:
        module (`str`): such as `"torch_fidelity.metric_fid"`.

    Returns:
        The module.

    Raises:
        ValueError: If the package is absent, or cannot be imported beside the torch that is installed.
    """
    try:
        return importlib.import_module(module)
    # A torchvision of another torch than the one installed fails with any of these.
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        package = module.partition(".")[0].replace("_", "-")
        raise ValueError(
            f"Evaluation needs the package {package}, which cannot be imported ({error}); run `pip install "
            f"nuwa_hf[eval]`, with a torchvision that fits the torch that is installed."
        ) from error
