# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch
from tiny_samples import random_clips

from nuwa_hf.evaluation.features import pixels
from nuwa_hf.evaluation.features.pixels import PixelReader
from nuwa_hf.evaluation.samples.sample_set import SampleBatch
from nuwa_hf.metrics.psnr import psnr
from nuwa_hf.metrics.seam import seam


@pytest.fixture(scope="module")
def reader():
    pytest.importorskip("torchmetrics", reason="it is an extra")
    return PixelReader()


def test_a_sample_equal_to_its_reference_scores_best(reader):
    clips = random_clips()
    found = reader(SampleBatch(clips, references=clips))
    assert found["psnr"].tolist() == [100, 100, 100]
    assert found["mse"].tolist() == [0, 0, 0]
    torch.testing.assert_close(found["ssim"], torch.ones(3))
    assert found.keys() == {"psnr", "ssim", "mse"}


def test_digest_knows_what_equal_pixels_score(reader, monkeypatch):
    monkeypatch.setattr(pixels, "BEST_PSNR", 90.0)
    assert PixelReader().digest != reader.digest


def test_each_sample_is_scored_over_all_of_its_frames_together(reader):
    clips, references = random_clips(), random_clips(seed=1)
    found = reader(SampleBatch(clips, references=references))
    pairs = list(zip(clips / 255, references / 255, strict=True))
    torch.testing.assert_close(found["mse"], torch.stack([(a - b).square().mean() for a, b in pairs]))
    torch.testing.assert_close(found["psnr"], torch.stack([psnr(a, b) for a, b in pairs]))


def test_only_hidden_pixels_count_and_kept_ones_are_compared_bit_by_bit(reader):
    references = random_clips()
    hidden = torch.zeros(3, 2, 16, 16, dtype=torch.bool)
    hidden[:, :, :8] = True
    clips = torch.where(hidden[:, :, None], random_clips(seed=1), references)
    found = reader(SampleBatch(clips, references=references, hidden=hidden))
    upper = reader(SampleBatch(clips[..., :8, :], references=references[..., :8, :]))
    for name in ("psnr", "mse"):
        torch.testing.assert_close(found[name], upper[name])
    assert found["kept"].tolist() == [1, 1, 1]
    torch.testing.assert_close(
        found["seam"], torch.tensor([seam(clip / 255, part) for clip, part in zip(clips, hidden, strict=True)])
    )
    alone = reader(SampleBatch(clips, hidden=hidden))
    assert alone.keys() == {"seam"}
    assert torch.equal(alone["seam"], found["seam"])
    clips[1, 0, 0, 12, 3] ^= 1  # one of the 2 * 8 * 16 pixels that had to be kept
    again = reader(SampleBatch(clips, references=references, hidden=hidden))
    torch.testing.assert_close(again["kept"], torch.tensor([1, 255 / 256, 1]))
    torch.testing.assert_close(again["mse"], found["mse"])


def test_ssim_of_the_hidden_part_sees_what_is_wrong_there_and_only_that(reader):
    references = random_clips(height=32)
    hidden = torch.zeros(3, 2, 32, 16, dtype=torch.bool)
    hidden[:, :, :8] = True
    far = references.clone()
    far[..., 20:, :] = 0  # further than the window reaches
    near = references.clone()
    near[..., :8, :] = 0
    torch.testing.assert_close(reader(SampleBatch(far, references=references, hidden=hidden))["ssim"], torch.ones(3))
    assert (reader(SampleBatch(near, references=references, hidden=hidden))["ssim"] < 0.1).all()


def test_frames_hidden_whole_have_no_seam(reader):
    hidden = torch.zeros(3, 2, 16, 16, dtype=torch.bool)
    hidden[:, 1] = True
    found = reader(SampleBatch(random_clips(), references=random_clips(), hidden=hidden))
    assert found["seam"].isnan().all()


@pytest.mark.parametrize(
    ("clips", "references", "message"),
    [
        (random_clips(), random_clips(width=8), r"samples' shape \(3, 2, 3, 16, 16\), got \(3, 2, 3, 16, 8\)"),
        (random_clips(height=4), random_clips(height=4), "at least 6 rows and columns to be compared, got 4 x 16"),
    ],
)
def test_samples_that_cannot_be_compared_are_refused(reader, clips, references, message):
    with pytest.raises(ValueError, match=message):
        reader(SampleBatch(clips, references=references))
