# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import torch

from nuwa_hf.training.vqgan.reconstruction_sheet import sample_sheet


def test_rows_of_truth_stand_over_rows_of_what_the_codec_makes_of_them():
    pixels, sample = torch.full((9, 3, 64, 64), -1.0), torch.full((9, 3, 64, 64), 0.0)
    sheet = np.asarray(sample_sheet(pixels, sample))
    row = sheet.shape[0] // 4
    middles = [sheet[place * row + row // 2] for place in range(4)]
    assert [middle[100, 0] for middle in middles] == [0, 128, 0, 128]
    assert middles[0][-100, 0] == 0
    assert middles[2][-100, 0] == 255  # the place of a tenth image stays white
