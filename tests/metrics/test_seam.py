# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.metrics.seam import seam


def test_seam_is_the_jump_at_the_border_alone():
    images = torch.rand(1, 1, 8, 8).expand(1, 3, 8, 8).clone()
    images[..., 3:5, :] = 0.2  # the rows on both sides of the border
    masks = torch.zeros(1, 8, 8, dtype=torch.bool)
    masks[:, :4] = True
    assert seam(images, masks) == 0
    images[..., :4, :] += 0.25
    assert seam(images, masks) == pytest.approx(0.25)
    assert seam(images.mT, masks.mT) == pytest.approx(0.25)


def test_seam_without_a_border_is_refused():
    with pytest.raises(ValueError, match="`masks` must have a border"):
        seam(torch.rand(1, 3, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool))
