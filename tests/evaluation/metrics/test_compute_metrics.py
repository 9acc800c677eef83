# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest
import torch

from nuwa_hf.evaluation.metrics.compute_metrics import compute_metrics
from nuwa_hf.evaluation.metrics.metric_table import METRICS


PSNR, FID = METRICS["psnr"], METRICS["fid"]
THREE = {"inception": {"features": torch.rand(3, 8)}}


def test_scores_come_in_the_order_of_the_metrics():
    features = {"pixels": {"psnr": torch.tensor([20.0, 30.0]), "mse": torch.tensor([0.01, 0.001])}}
    scores = compute_metrics([METRICS["mse"], PSNR], features)
    assert list(scores) == ["mse", "psnr"]
    assert scores["psnr"].value == 25


@pytest.mark.parametrize(
    ("metric", "own", "real", "message"),
    [
        (PSNR, {}, None, r"`features_by_kind` must have the kind 'pixels' for `psnr`, got \[\]"),
        (PSNR, {"pixels": {"mse": torch.rand(4)}}, None, r"must have the output 'psnr' for `psnr`, got \['mse'\]"),
        (PSNR, {"pixels": {"psnr": torch.rand(1)}}, None, "at least 2 samples for `psnr`, got 1"),
        (METRICS["recall"], THREE, THREE, "at least 4 samples for `recall`, got 3"),
        (PSNR, {"pixels": {"psnr": torch.full((3,), math.nan)}}, None, "`psnr` cannot be worked out: `values`"),
        (FID, {"inception": {"features": torch.rand(4, 8)}}, None, "`real_features_by_kind` must be given for `fid`"),
        (
            FID,
            {"inception": {"features": torch.rand(4, 8)}},
            {"clip": {}},
            r"`real_features_by_kind` must have the kind 'inception' for `fid`, got \['clip'\]",
        ),
        (
            FID,
            {"inception": {"features": torch.rand(4, 8)}},
            {"inception": {"features": torch.rand(4, 9)}},
            "got 9 against 8; read both with the same network",
        ),
    ],
)
def test_features_that_do_not_serve_are_refused_by_name(metric, own, real, message):
    with pytest.raises(ValueError, match=message):
        compute_metrics([metric], own, real)


def test_features_are_checked_before_the_first_score():
    own = {"pixels": {"psnr": torch.full((3,), math.nan)}}
    with pytest.raises(ValueError, match="must have the output 'mse'"):
        compute_metrics([PSNR, METRICS["mse"]], own)
