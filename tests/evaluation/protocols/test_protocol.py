# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.evaluation.feature_store import fields_of
from nuwa_hf.evaluation.metrics.metric_table import resolve_metrics
from nuwa_hf.evaluation.protocols.protocol import load_protocol, protocol_names


RUN = "{name: one, task: T2V, num_samples: 4, metrics: [psnr]}"


@pytest.mark.parametrize("name", protocol_names())
def test_protocol_has_known_metrics_and_publishes_only_figures_of_its_columns_with_a_source(name):
    pytest.importorskip("torch_fidelity", reason="it is an extra")
    protocol = load_protocol(name)
    assert protocol.title
    assert protocol.data or protocol.dataset
    for run in protocol.runs:
        assert all(fields_of(metric) is not None for metric in resolve_metrics(run.metrics))
        for row in run.published:
            assert "arXiv" in row.source
            assert set(row.scores) <= {*run.metrics, "seconds"}
            assert set(row.spread) <= set(row.scores)


def test_papers_protocols_are_there_with_their_sizes():
    coco, bair = (load_protocol(name).runs[0] for name in ("mscoco-t2i", "bair-v2v"))
    assert [name for name in coco.metrics if name.startswith("fid")] == ["fid", "fid@1", "fid@2", "fid@4", "fid@8"]
    assert coco.rows == {"best of 60 by CLIP": {"candidates": 60, "scorer": "clip"}}
    assert (coco.num_samples, coco.height, coco.width) == (30_000, 256, 256)
    assert (bair.given_frames, bair.num_frames, bair.height, bair.width) == (1, 16, 64, 64)
    assert {row.name: row.scores["fvd"] for row in bair.published}["NUWA"] == 86.9
    assert {"kinetics-t2v", "msrvtt-t2v", "mscoco-stuff-s2i", "vspw-s2v", "emoji-motion"} <= set(protocol_names())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "which is not"),
        ("runs: []", "must have title and runs"),
        ("{title: t, runs: []}", "`runs` must be at least one"),
        (f"{{title: t, runs: [{RUN}, {RUN}]}}", "each with a name of its own"),
        (f"{{title: t, colour: red, runs: [{RUN}]}}", "must have title and runs"),
        ("{title: t, runs: [{name: one, num_samples: 4, metrics: [psnr]}]}", "own.yaml, run 1: `task` must be given"),
        ("{title: t, runs: [{name: one, task: T2X, num_samples: 4, metrics: [psnr]}]}", "`task` must be one of"),
        (f"{{title: t, runs: [{RUN.replace('4', '1')}]}}", "`num_samples` must be a whole number, at least 2"),
        (f"{{title: t, runs: [{RUN.replace('[psnr]', '[]')}]}}", "`metrics` must name at least one"),
        (f"{{title: t, runs: [{RUN[:-1]}, heights: 3}}]}}", "`key` must be one of .*'heights'"),
        (f"{{title: t, runs: [{RUN[:-1]}, rows: {{a: {{candidates: many}}}}}}]}}", "`candidates` must be of type int"),
        (f"{{title: t, runs: [{RUN[:-1]}, rows: {{a: {{scorer: mood}}}}}}]}}", "`scorer` must be one of"),
        (f"{{title: t, runs: [{RUN[:-1]}, published: [{{name: a, scores: {{}}}}]}}]}}", "source"),
    ],
)
def test_file_that_breaks_a_rule_is_refused_with_its_place(text, message, tmp_path):
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_protocol(tmp_path / "own.yaml")


def test_unknown_protocol_names_those_that_there_are():
    with pytest.raises(ValueError, match=r"`protocol` must be one of bair-v2v, .*, got 'coco'"):
        load_protocol("coco")


def test_run_is_done_with_fewer_samples_but_never_with_more():
    run = load_protocol("bair-v2v").runs[0]
    assert run.at_most(10).num_samples == 10
    assert run.at_most(1000).num_samples == 256


def test_protocols_that_count_class_maps_say_what_pixels_of_no_class_need():
    for protocol in map(load_protocol, protocol_names()):
        metrics = [name for run in protocol.runs for name in run.metrics]
        assert ("fwiou" in metrics) == ("Pixels of no class (255)" in protocol.data)
