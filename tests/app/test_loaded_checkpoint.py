# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The names by which the app loads checkpoints."""

import pytest
import torch

from nuwa_hf import DEMO_CHECKPOINT
from nuwa_hf.app.limits import AppLimits
from nuwa_hf.app.loaded_checkpoint import LoadedCheckpoint


@pytest.mark.parametrize("name", ["embedded", DEMO_CHECKPOINT])
def test_the_embedded_checkpoint_goes_by_its_name(name):
    loaded = LoadedCheckpoint.load(name, AppLimits(), torch.device("cpu"))
    loaded.sampler.close()
    assert loaded.name == str(DEMO_CHECKPOINT)
    assert loaded.title == "the embedded checkpoint"
