# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The protocol `emoji-motion`, on a small world of drawn shapes and a tiny checkpoint."""

import json
from importlib.resources import files

import pytest

from nuwa_hf.evaluation import evaluate
from nuwa_hf.evaluation.protocols.protocol import load_protocol
from nuwa_hf.metrics.score_tables import scores_markdown, short_markdown


NUM_SAMPLES = 8
RUNS = {run.name: run for run in load_protocol("emoji-motion").runs}
GUESSED = {"object", "background", "motion", "object-and-motion", "nats"}
NEEDS_ANOTHER = {"psnr", "psnr-things", "kept"}  # a real sample is not compared with itself


@pytest.fixture
def report(pipeline, small_world, make_judges, tmp_path):
    pytest.importorskip("torch_fidelity")  # the extra `eval`
    judges = make_judges(small_world)
    for name in ("frame_judge", "clip_judge", "segment_judge"):
        getattr(judges, name).save_pretrained(tmp_path / "judges" / name)
    text = (files("nuwa_hf.evaluation") / "protocols" / "emoji-motion.yaml").read_text(encoding="utf-8")
    for old, new in (("\ndataset: emoji-motion\n", "\n"), ("split: zeroshot\n", "split: val\n")):  # that of the world
        text = text.replace(old, new)
    (tmp_path / "drawn-shapes.yaml").write_text(text, encoding="utf-8")
    return evaluate(
        pipeline,
        small_world,
        protocol=tmp_path / "drawn-shapes.yaml",
        features={"judges": str(tmp_path / "judges")},
        num_samples=NUM_SAMPLES,
        samples_dir=tmp_path / "samples",
    )


def test_every_run_stands_between_its_bounds_and_in_the_tables(report):
    assert [one.run.name for one in report.runs] == list(RUNS)
    for one in report.runs:
        generated, metrics = RUNS[one.run.name].rows, set(one.run.metrics)
        expected = {
            "real": metrics - NEEDS_ANOTHER - {"nats"},
            "codec": metrics - {"nats"},
            **{name: metrics - {"nats"} for name in one.run.baselines},
            **dict.fromkeys(generated, metrics),
            "chance": metrics & GUESSED,
        }
        measured = {name: set(row) - {"seconds"} for name, row in one.rows.items()}
        assert measured == {name: row for name, row in expected.items() if row}
        for row in one.rows.values():
            assert all(1 <= score.samples <= NUM_SAMPLES for score in row.values())
            assert "kept" not in row or row["kept"].value == 1
    told = json.loads(json.dumps(report.to_dict()))
    assert all(f"**{name} (val)**" in scores_markdown(told) for name in RUNS)
    assert "| video manipulation, another motion | " in short_markdown(told)
