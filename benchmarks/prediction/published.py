# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Published figures of video prediction: OpenSTL, docs/en/model_zoos/video_benchmarks.md.

MSE and SSIM for each data set; Moving MNIST after 200 and 2000 epochs of 10,000 clips, Fashion-MNIST after 200.
"""

PUBLISHED = {
    "moving-mnist": [
        ("ConvLSTM-S", "15 M", 200, 29.80, 0.9288),
        ("PhyDNet", "3.1 M", 200, 28.19, 0.9374),
        ("PredRNN", "24 M", 200, 23.97, 0.9462),
        ("PredRNN++", "", 200, 22.06, 0.9509),
        ("SimVP gSTA", "", 200, 26.69, 0.9402),
        ("TAU", "", 200, 24.60, 0.9454),
        ("ConvLSTM-S", "15 M", 2000, 22.41, 0.9480),
        ("PhyDNet", "3.1 M", 2000, 20.35, 0.9559),
        ("PredRNN", "24 M", 2000, 26.43, 0.9411),
        ("PredRNN++", "", 2000, 14.07, 0.9698),
        ("SimVP gSTA", "", 2000, 15.05, 0.9675),
        ("TAU", "", 2000, 15.69, 0.9661),
    ],
    "moving-fashion-mnist": [
        ("ConvLSTM-S", "15 M", 200, 28.87, 0.8793),
        ("PhyDNet", "3.1 M", 200, 34.75, 0.8567),
        ("PredRNN", "24 M", 200, 22.01, 0.9091),
        ("PredRNN++", "", 200, 21.71, 0.9097),
        ("SimVP gSTA", "", 200, 25.86, 0.8933),
        ("TAU", "", 200, 24.24, 0.8995),
    ],
}
