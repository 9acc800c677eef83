# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny_samples import TinySamples, random_clips

from nuwa_hf.evaluation.measured_samples import MeasuredSamples
from nuwa_hf.evaluation.run_checks import has_same_aspect


@pytest.mark.parametrize(
    ("made", "measured", "expected"),
    [
        ((128, 128), (64, 64), True),
        ((144, 256), (100, 178), True),  # 177.8
        ((144, 256), (100, 175), False),
        ((16, 160), (10, 96), True),  # 9.6 rows
        ((128, 128), (96, 128), False),
        ((8, 10), (10, 8), False),
    ],
)
def test_two_sizes_have_one_aspect_if_whole_pixels_come_no_nearer(made, measured, expected):
    assert has_same_aspect(made, measured) is expected


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 16), (16, 32), (4, 4)])
def test_what_is_hidden_is_cut_and_resized_with_the_pixels(height, width):
    hidden = torch.zeros(2, 3, 8, 16, dtype=torch.bool)
    hidden[:, :, :4, 6:] = True
    clips = hidden[:, :, None].expand(-1, -1, 3, -1, -1).byte() * 255
    real = TinySamples(random_clips(2, 3, height, width))
    (batch,) = MeasuredSamples(TinySamples(clips, hidden=hidden), real).batches(2)
    assert batch.hidden.shape == (2, 3, height, width)
    assert torch.equal(batch.hidden, batch.clips[:, :, 0] > 127)
