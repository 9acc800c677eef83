# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The protocol `emoji-motion`, on a small world of drawn shapes and a tiny checkpoint."""

from importlib.resources import files

import pytest

from nuwa_hf.evaluation.evaluate import evaluate
from nuwa_hf.evaluation.protocols.protocol import load_protocol


pytest.importorskip("torch_fidelity")
pytest.importorskip("torchmetrics")
NUM_SAMPLES = 8
RUNS = {run.name: run for run in load_protocol("emoji-motion").runs}


@pytest.fixture
def report(pipeline, small_world, make_judges, tmp_path):
    judges = make_judges(small_world)
    for name in ("frame_judge", "clip_judge", "segment_judge"):
        getattr(judges, name).save_pretrained(tmp_path / "judges" / name)
    text = (files("nuwa_hf.evaluation") / "protocols" / "emoji-motion.yaml").read_text(encoding="utf-8")
    (tmp_path / "drawn-shapes.yaml").write_text(text.replace("\ndataset: emoji-motion\n", "\n"), encoding="utf-8")
    return evaluate(
        pipeline,
        small_world,
        protocol=tmp_path / "drawn-shapes.yaml",
        features={"judges": str(tmp_path / "judges")},
        num_samples=NUM_SAMPLES,
        samples_dir=tmp_path / "samples",
    )


def test_every_run_stands_between_its_bounds(report):
    assert [one.run.name for one in report.runs] == list(RUNS)
    for one in report.runs:
        generated, metrics = RUNS[one.run.name].rows, set(one.run.metrics)
        named = {"real", "codec", *one.run.baselines, *generated, *({"chance"} if "object" in metrics else ())}
        assert set(one.rows) - named == set()
        for name, row in one.rows.items():
            measured = set(row) - {"seconds"}
            if name in generated:
                assert measured == metrics
            elif name == "chance":
                assert measured == metrics & {"object", "background", "motion", "object-and-motion", "nats"}
            else:
                assert metrics - measured <= {"nats"} | ({"psnr", "psnr-things", "kept"} if name == "real" else set())
            assert all(score.samples <= NUM_SAMPLES for score in row.values())
            assert "kept" not in row or row["kept"].value == 1
