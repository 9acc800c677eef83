# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.evaluation.metrics.compute_metrics import compute_metrics
from nuwa_hf.evaluation.metrics.metric_table import resolve_metrics


def test_scores_of_two_folders_are_those_of_torch_fidelitys_own_command(torch_fidelity_run):
    generated, real = ({"inception": side} for side in torch_fidelity_run["features"])
    scores = compute_metrics(resolve_metrics(["fid", "kid", "is", "precision", "recall"]), generated, real)
    expected = torch_fidelity_run["scores"]
    # It means and multiplies in float32, we in float64.
    assert scores["fid"].value == pytest.approx(expected["frechet_inception_distance"], rel=1e-5)
    assert scores["kid"].value == pytest.approx(expected["kernel_inception_distance_mean"], abs=1e-6)
    assert scores["is"].value == pytest.approx(expected["inception_score_mean"], rel=1e-9)
    assert scores["precision"].value == pytest.approx(expected["precision"], abs=1e-7)
    assert scores["recall"].value == pytest.approx(expected["recall"], abs=1e-7)


def test_the_two_folders_differ_in_what_is_scored(torch_fidelity_run):
    scores = torch_fidelity_run["scores"]
    assert scores["frechet_inception_distance"] > 0.1
    assert scores["kernel_inception_distance_mean"] > 1e-4
    assert scores["inception_score_mean"] > 1.001
    assert 0 < scores["precision"] + scores["recall"] < 2
