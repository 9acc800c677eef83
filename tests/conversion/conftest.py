# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The folder of this package's helpers comes first on the path; taming's classes, where the package is there."""

import pytest
from source_models import taming_models


@pytest.fixture
def taming(monkeypatch):
    pytest.importorskip("taming", reason="pip install --no-deps taming-transformers-rom1504==0.0.6")
    return taming_models(monkeypatch)
