# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import torch

from nuwa_hf.training.vqgan.reconstruction_sheet import sample_sheet


def test_sample_sheet_sets_reconstructions_under_their_originals():
    pixels, sample = torch.full((9, 3, 4, 4), -1.0), torch.full((9, 3, 4, 4), 0.0)
    sheet = sample_sheet(pixels, sample)
    assert sheet.size == (8 * 4 * 3, 4 * 4 * 3)
    assert [sheet.getpixel((0, row * 12))[0] for row in range(4)] == [0, 128, 0, 128]
    assert sheet.getpixel((4 * 3, 2 * 12))[0] == 255  # the place of a tenth image stays white
