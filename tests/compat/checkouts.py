# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Test suites of other projects, imported from a checkout: their packages do not hold them."""

import importlib
import os
import sys
import warnings
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


def suite_module(variable: str, name: str) -> ModuleType:
    """A module of a project's tests; the test module that asks for it is skipped without a checkout.

    Two projects call their tests `tests`, and so do we. They import each other relatively, so that each suite can have
    a name of its own here.

    Args:
        variable (`str`): the environment variable with the checkout's folder, such as `"DIFFUSERS_CHECKOUT"`.
        name (`str`): the module below `tests`, such as `"pipelines.test_pipelines_common"`.

    Returns:
        `ModuleType`: the module.
    """
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"needs a checkout of the library: set {variable} to its folder", allow_module_level=True)
    package = f"{variable.lower()}_tests"
    if package not in sys.modules:
        tests = Path(folder).expanduser() / "tests"
        spec = _package_spec(package, tests)
        sys.modules[package] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", pytest.PytestUnknownMarkWarning
        )  # their markers are declared in their conftest
        return importlib.import_module(f"{package}.{name}")


def _package_spec(package: str, folder: Path) -> ModuleSpec:
    spec = spec_from_file_location(package, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if not (folder / "__init__.py").is_file():
        raise FileNotFoundError(
            f"{folder} must hold a library's tests, got no __init__.py there; clone its repository."
        )
    return spec
