# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Lets PyPI's torchvision be imported beside a CPU build of torch from elsewhere.

Its compiled operators do not load there, and it then fails to register what it knows of two of them. torch-fidelity
and torchmetrics need its Python code only. With this folder on PYTHONPATH, every Python process declares the two
before it imports torchvision. A torchvision that fits its torch needs none of this and is not touched.
"""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder


OPERATORS = ("nms", "qnms")
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class DeclaresOperators(Loader):
    """Imports torchvision as its own loader does, once its operators are declared."""

    def __init__(self, loader: Loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        import torch

        try:
            torch.ops.load_library(f"{module.__path__[0]}/_C.so")
        except OSError:
            for name in OPERATORS:
                torch.library.define(f"torchvision::{name}", SCHEMA)
        self.loader.exec_module(module)


class FindsTorchvision(MetaPathFinder):
    """Finds torchvision where it lies."""

    def find_spec(self, name, path=None, target=None):
        if name != "torchvision":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = DeclaresOperators(spec.loader)
        return spec


sys.meta_path.insert(0, FindsTorchvision())
