# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.metrics.psnr import psnr


def test_constant_error_has_its_decibels():
    pixels = torch.rand(2, 3, 3, 4, 4) * 0.5
    assert psnr(pixels + 0.1, pixels).item() == pytest.approx(20, abs=1e-4)
    assert psnr(2 * pixels + 0.2, 2 * pixels, value_range=2.0).item() == pytest.approx(20, abs=1e-4)
    assert psnr(pixels, pixels) == 100


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 2, 3, 4, 4)], ids=["images", "clips"])
def test_only_pixels_of_the_mask_count(shape):
    pixels, mask = torch.zeros(shape), torch.zeros(*shape[:-3], 4, 4, dtype=torch.bool)
    mask[..., :2] = True
    noisy = torch.where(mask.unsqueeze(-3), 0.01, 0.7).expand(shape)
    assert psnr(noisy, pixels, mask).item() == pytest.approx(40, abs=1e-3)
    assert psnr(noisy, pixels, torch.zeros_like(mask)).isnan()
