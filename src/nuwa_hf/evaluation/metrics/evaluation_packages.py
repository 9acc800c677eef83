# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The packages that metrics of sets and intervals over seeds need."""

from nuwa_hf.evaluation.features.eval_libraries import import_library


def require_evaluation_packages() -> None:
    """Import them, so that what is missing is known before any work.

    Raises:
        ValueError: If one is absent or cannot be imported.
    """
    for module in ("torch_fidelity", "scipy.stats"):
        import_library(module)
