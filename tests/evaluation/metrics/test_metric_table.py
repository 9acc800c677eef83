# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import sys

import pytest
import torch

from nuwa_hf.evaluation.metrics.compute_metrics import compute_metrics
from nuwa_hf.evaluation.metrics.metric_table import METRICS, resolve_metrics


def one(name, titles=None):
    (metric,) = resolve_metrics([name], titles)
    assert metric.name == name
    return metric


def test_all_metrics_are_found_by_their_names_in_the_order_asked_for():
    pytest.importorskip("torch_fidelity")
    names = sorted(METRICS)
    assert [metric.name for metric in resolve_metrics(names)] == names


def test_a_frechet_distance_is_called_fid_on_inception_only():
    pytest.importorskip("torch_fidelity")
    titles = {"efficientnet": "EfficientNet-Lite0"}
    assert one("fid").title == "FID"
    assert one("frechet:efficientnet", titles).title == "Frechet distance (EfficientNet-Lite0)"
    assert one("frechet:videomae", titles).title == "Frechet distance (videomae)"
    assert one("kid:efficientnet", titles).title == "Kernel distance (EfficientNet-Lite0)"
    fids = [metric for metric in METRICS.values() if metric.title.startswith("FID")]
    assert {metric.kind for metric in fids} == {"inception", "i3d"}


def test_blurred_fid_reads_blurred_features():
    pytest.importorskip("torch_fidelity")
    assert (one("fid@4").kind, one("fid@4").title) == ("inception@4", "FID-4")
    assert (one("fid@0").kind, one("fid@0").title) == ("inception", "FID-0")


def test_a_pattern_reads_the_output_after_the_dot():
    pytest.importorskip("torch_fidelity")
    metric = one("recall:judges.clip_features")
    features = {"judges": {"clip_features": torch.rand(8, 3)}}
    assert compute_metrics([metric], features, features)[metric.name].value == 1


def test_wrong_names_are_refused_with_the_right_ones():
    with pytest.raises(ValueError, match=r"fid@K, frechet:KIND.*got 'psnt'; did you mean 'psnr'"):
        resolve_metrics(["psnt"])
    with pytest.raises(ValueError, match="got 'fid@blur'"):
        resolve_metrics(["fid@blur"])
    with pytest.raises(ValueError, match="none twice"):
        resolve_metrics(["psnr", "psnr"])
    with pytest.raises(ValueError, match="at least one name"):
        resolve_metrics([])


def test_metrics_of_sets_are_refused_without_the_package_that_they_need(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(ValueError, match=r"pip install nuwa_hf\[eval\]"):
        resolve_metrics(["psnr", "fid"])
    assert one("psnr").kind == "pixels"
