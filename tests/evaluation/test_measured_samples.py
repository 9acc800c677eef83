# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny_samples import TinySamples, random_clips

from nuwa_hf.evaluation.measured_samples import MeasuredSamples


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 16), (16, 32), (4, 4)])
def test_what_is_hidden_is_cut_and_resized_with_the_pixels(height, width):
    hidden = torch.zeros(2, 3, 8, 16, dtype=torch.bool)
    hidden[:, :, :4, 6:] = True
    clips = hidden[:, :, None].expand(-1, -1, 3, -1, -1).byte() * 255
    real = TinySamples(random_clips(2, 3, height, width))
    (batch,) = MeasuredSamples(TinySamples(clips, hidden=hidden), real).batches(2)
    assert batch.hidden.shape == (2, 3, height, width)
    assert torch.equal(batch.hidden, batch.clips[:, :, 0] > 127)
