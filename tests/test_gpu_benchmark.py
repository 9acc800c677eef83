# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""`benchmarks/gpu.py` without a GPU: what it will measure on one runs on a CPU at toy size."""

import json
import os
from importlib import import_module
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def test_a_dry_run_measures_every_part_and_goes_on_where_it_was_cut_off(tmp_path, monkeypatch):
    gpu, floors = import_module("benchmarks.gpu"), import_module("benchmarks.pipeline.floors")
    monkeypatch.setattr(floors, "COPIED_BYTES", {"cpu": 2**20})
    monkeypatch.setattr(floors, "MATRIX_SIDE", {"cpu": 64})
    monkeypatch.setattr(gpu, "NEARBY_ATTENTION_BACKENDS", ("masked_sdpa",))
    arguments = ["--output", str(tmp_path), "--device", "cpu", "--size", "toy"]
    assert gpu.main([*arguments, "--minutes", "0"]) == os.EX_TEMPFAIL
    assert gpu.main([*arguments, "--parts", "rates"]) == 0
    rates = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))["results"]["rates"]
    assert gpu.main(arguments) == 0
    found = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert found["results"]["rates"] == rates  # it was not measured anew
    assert found["errors"] == {}
    assert {name.split()[0] for name in found["results"]} == set(gpu.PARTS) - {"tests"}
    for output, steps in (("image", 7), ("video", 11)):
        for name in (f"sampling {output} 1", f"sampling {output} 2 guided"):
            row = found["results"][name]
            assert row["steps"] == steps
            assert row["share_of_floor"] == max(row["floor_seconds"].values()) / row["seconds"]["median"]
        assert found["results"][f"sampling {output} 1"]["equal_tokens"] == 1
    with pytest.raises(ValueError, match="use another folder"):
        gpu.main([*arguments[:-1], "nuwa-336"])


def test_a_unit_that_fails_is_noted_and_tried_again(tmp_path):
    module, outcomes = import_module("benchmarks.card.measured_units"), [RuntimeError("out of memory"), None]

    def fails_once(left):
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return {"seconds": 1.0}

    units = [module.Unit("once", 1.0, fails_once), module.Unit("long", 100.0, lambda left: {})]
    path = tmp_path / "found.json"
    assert module.run_units(units, path, {}, seconds=10) == ["once", "long"]
    assert json.loads(path.read_text(encoding="utf-8"))["errors"] == {"once": "RuntimeError: out of memory"}
    assert module.run_units(units, path, {}, seconds=10) == ["long"]
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (found["errors"], list(found["results"])) == ({}, ["once"])


def test_reports_of_gpu_tests_are_counted(tmp_path):
    module, report = import_module("benchmarks.card.gpu_tests"), tmp_path / "report.xml"
    files = [unit.name for unit in module.units_of_tests()]
    assert "tests/generation/test_cuda_graphs.py" in files
    assert "tests/test_gpu_benchmark.py" not in files  # has none
    failure = '<testcase name="c"><failure message="assert 1 == 2&#10;more"/></testcase>'
    report.write_text(
        f'<testsuites><testsuite><testcase name="a"/><testcase name="b"><skipped/></testcase>{failure}</testsuite>'
        "</testsuites>"
    )
    assert module.read_report(report) == {"passed": 1, "skipped": 1, "failed": {"c": "assert 1 == 2"}}
    report.write_text("<testsuites><testsuite/></testsuites>")
    with pytest.raises(RuntimeError, match="no test"):
        module.read_report(report)


def test_a_file_with_a_test_that_fails_on_the_gpu_is_a_failed_unit(tmp_path, monkeypatch):
    module = import_module("benchmarks.card.gpu_tests")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    kind, file = "gpu", tmp_path / "test_one.py"
    mark = f"import pytest\npytestmark = pytest.mark.{kind}\n"
    file.write_text(f"{mark}def test_right(): pass\ndef test_wrong(): assert 1 == 2\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"^1 failed, 1 passed: test_wrong: .*assert 1 == 2"):
        module.run_file(file.name, 60)
    file.write_text(f"{mark}def test_right(): pass\n", encoding="utf-8")
    assert module.run_file(file.name, 60) == {"passed": 1, "skipped": 0, "failed": {}}
