# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""transformers' testers, from a clone or from the source distribution, which holds fewer of them."""

import os
import sys
from pathlib import Path
from types import ModuleType

from checkouts import suite_module


VARIABLE = "TRANSFORMERS_CHECKOUT"
# What the testers import and the source distribution lacks. Nothing here needs more of it than the names.
NOT_DISTRIBUTED = {
    "exporters.test_export": {"ExportTesterMixin": type("ExportTesterMixin", (), {})},
    "generation.test_utils": {"GenerationTesterMixin": type("GenerationTesterMixin", (), {})},
    "utils.test_configuration_utils": {"config_common_kwargs": {}},
}


def transformers_suite(name: str) -> ModuleType:
    """A module of transformers' tests; the test module that asks for it is skipped without a checkout.

    Args:
        name (`str`): the module below `tests`, such as `"test_modeling_common"`.

    Returns:
        `ModuleType`: the module.
    """
    tests = Path(os.environ.get(VARIABLE, "")).expanduser() / "tests"
    for missing, names in NOT_DISTRIBUTED.items():
        if not (tests / f"{missing.replace('.', '/')}.py").is_file():
            module = ModuleType(f"{VARIABLE.lower()}_tests.{missing}")
            vars(module).update(names)
            sys.modules.setdefault(module.__name__, module)
    module = suite_module(VARIABLE, "__init__")
    sys.modules.setdefault("tests", sys.modules[module.__package__])  # what one of them imports absolutely
    return suite_module(VARIABLE, name)
