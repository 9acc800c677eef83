# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The benchmarks run and say what they measured; what the numbers are is no test's business."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from nuwa_hf import Grid
from nuwa_hf.generation import sampler, step_plan
from nuwa_hf.training.run_state import RunState


ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
TOY = ["--hidden_size", "16", "--layers", "1", "--repetitions", "2"]
MACHINE = {"cpu", "cores", "threads", "memory_bytes", "system", "python", "torch", "load"}


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")


def run(name, output, *arguments):
    import_module(name).main(["--output", str(output), *arguments])
    return json.loads((output / f"{name}.json").read_text(encoding="utf-8"))


def is_summary(part, num_runs):
    return len(part["runs"]) == num_runs and 0 < part["min"] <= part["median"] <= part["max"]


def generation_of_toy_size(output):
    return run("generation", output, *TOY, "--grids", "2x2x3", "--growth_grids", "1x2x2", "2x2x2")


def test_generation_says_steps_and_seconds_of_both_orders(tmp_path, capsys):
    result = generation_of_toy_size(tmp_path)
    assert set(result) == {"machine", "settings", "comparison", "growth"}
    assert set(result["machine"]) == MACHINE
    assert [row["guidance"] for row in result["comparison"]] == [False, True]
    for row in result["comparison"]:
        assert row["steps"]["raster"] == row["tokens"] == 12 > row["steps"]["wavefront"]
        assert all(is_summary(row["seconds"][schedule], 2) for schedule in ("wavefront", "raster"))
    assert [row["grid"] for row in result["growth"]["rows"]] == [[1, 2, 2], [2, 2, 2]]
    assert isinstance(result["growth"]["exponent"], float)
    assert "| 2 x 2 x 3 | yes | 9 | 12 |" in capsys.readouterr().out


def test_generation_stops_if_the_orders_disagree(monkeypatch):
    module = import_module("generation")
    grids = [Grid(2, 2, 3)]
    model = module.build_model(16, 1, grids, seed=0).double()
    module.check_orders_agree(model, grids[0], 1.0, seed=0)
    # Raster order backwards: what is near a place is not there yet when the place is sampled.
    backwards = tuple(torch.arange(11, -1, -1).split(1))
    forwards = tuple(torch.arange(12).split(1))
    monkeypatch.setattr(
        step_plan, "plan_steps", lambda grid, window, schedule: backwards if schedule == "raster" else forwards
    )
    monkeypatch.setattr(step_plan, "count_slots", lambda *arguments: 16)
    monkeypatch.setattr(sampler, "plan_grid", step_plan.plan_grid.__wrapped__)  # the cached plans stay right
    with pytest.raises(RuntimeError, match="of 12 tokens"):
        module.check_orders_agree(model, grids[0], 1.0, seed=0)


@pytest.mark.parametrize("grids", [["2x2x2"], ["2x2x2", "2x2x2"], ["1x2x2", "2x3x2"]])
def test_growth_needs_grids_that_differ_in_frames_only(tmp_path, grids):
    with pytest.raises(ValueError, match="growth_grids"):
        run("generation", tmp_path, *TOY, "--growth_grids", *grids)


def test_every_backend_takes_the_same_training_step():
    module = import_module("training_step")
    after = []
    for backend in module.BACKENDS:
        torch.manual_seed(0)
        model, step = module.build_step(backend, hidden_size=16, layers=1, grid=(2, 3, 3), clips=2, seed=0)
        before = model.head.weight.detach().clone()
        step()
        after.append(model.head.weight.detach())
        assert not torch.equal(before, after[-1])
    for weight in after[1:]:
        # AdamW's first step is the learning rate times a sign; 1e-5 is float32's error in a gradient near 0.
        torch.testing.assert_close(weight, after[0], atol=1e-5, rtol=0)


def test_comparison_with_nuwa_pytorch_takes_the_same_step_as_training():
    module = import_module("against_nuwa_pytorch")
    step = module.build_step("nuwa_hf", "eager", hidden_size=16, layers=1, grid=(2, 3, 3), clips=2, seed=0)
    step()
    model = module.build_nuwa_hf(16, 1, (2, 3, 3))
    assert model.config.window == module.WINDOW
    assert model.config.visual_grid == (2, 3, 3)


@pytest.mark.skipif(find_spec("nuwa_pytorch") is not None, reason="nuwa-pytorch is installed")
def test_comparison_without_nuwa_pytorch_says_what_to_install(tmp_path):
    with pytest.raises(RuntimeError, match=r"nuwa-pytorch 0\.7\.8 must be installed"):
        run("against_nuwa_pytorch", tmp_path, *TOY)
    assert not list(tmp_path.iterdir())


def test_training_run_says_speed_waiting_and_checkpoints(tmp_path):
    result = run("training_run", tmp_path, "--steps", "2", "--every", "1")
    assert set(result["machine"]) == MACHINE
    assert result["tokens_per_second"] > 0
    assert 0 <= result["data_share"] < 1
    assert len(result["checkpoint_seconds"]) == 2
    assert result["checkpoint_bytes"] > 3 * 4 * 4_000_000  # weights, average and momentum, at least
    assert RunState.save.__name__ == "save"


@pytest.mark.slow
def test_training_step_says_time_and_memory_of_each_backend(tmp_path):
    result = run("training_step", tmp_path, *TOY, "--grid", "2", "3", "3", "--clips", "2")
    assert set(result) == {"machine", "settings", "backends"}
    assert [row["backend"] for row in result["backends"]] == ["default", "shift_and_add", "masked_sdpa"]
    for row in result["backends"]:
        assert is_summary(row["seconds"], 2)
        assert row["tokens_per_second"] == pytest.approx(2 * 18 / row["seconds"]["median"])
        assert row["peak_memory"] >= row["peak_memory_before"] > 2**20


@pytest.mark.slow
def test_start_up_says_what_a_user_waits_for(checkpoint, tmp_path):
    result = run("start_up", tmp_path, "--checkpoint", str(checkpoint), "--repetitions", "1")
    assert set(result) == {"machine", "settings", "seconds", "peak_memory"}
    assert set(result["machine"]) == MACHINE
    for name in ("command", "import_torch", "import", "pipeline_class", "load", "first_video"):
        assert is_summary(result["seconds"][name], 1)
    assert is_summary(result["seconds"]["next_video"], 3)
    assert all(peak > 2**20 for peak in result["peak_memory"].values())


@pytest.mark.slow
def test_quantization_says_what_every_precision_costs(tmp_path):
    sizes = ["--hidden_size", "32", "--heads", "2", "--layers", "1", "--grid", "1x2x3"]
    result = run("quantization", tmp_path, "--clips", "2", "--videos", "1", "--repetitions", "1", *sizes)
    assert set(result) == {"machine", "settings", "checkpoint", "wide"}
    assert set(result["machine"]) == MACHINE
    full, half, int8, both = result["checkpoint"]["rows"]
    assert (full["difference"], full["equal_tokens"]) == (0.0, 1.0)
    assert full["weight_bytes"] == 2 * half["weight_bytes"]
    assert full["weight_bytes"] > 3 * int8["weight_bytes"] > 3 * both["weight_bytes"]
    for row in (*result["checkpoint"]["rows"], *result["wide"]["rows"]):
        assert is_summary(row["seconds"], 1)


def test_quantization_needs_clips_for_its_videos(tmp_path):
    with pytest.raises(ValueError, match="`--clips` must be at least 2"):
        run("quantization", tmp_path, "--clips", "3", "--videos", "4")


def test_process_that_fails_is_an_error_with_its_last_line(tmp_path):
    module = import_module("start_up")
    seconds, peak, printed = module.run_process(["-c", "print('here')"], tmp_path)
    assert seconds > 0
    assert peak > 0
    assert printed == "here\n"
    with pytest.raises(RuntimeError, match="status 3: no such thing"):
        module.run_process(["-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"], tmp_path)


def test_cases_take_turns_after_one_uncounted_run():
    module = import_module("machine")
    order = []
    cases = {name: lambda name=name: float(order.append(name) or len(order)) for name in "ab"}
    assert module.time_interleaved(cases, 2, "turns") == {"a": [4.0, 5.0], "b": [3.0, 6.0]}
    assert "".join(order) == "abbaab"
    assert module.paired_ratio([4.0, 9.0, 2.0], [2.0, 3.0, 2.0]) == 2.0
    with pytest.raises(ValueError, match="repetitions"):
        module.time_interleaved(cases, 0, "turns")


def test_report_fills_a_table_and_can_fill_it_again(tmp_path):
    report = import_module("report")
    generation_of_toy_size(tmp_path)
    results = report.read_results(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    filled = report.fill_page(page, results)
    assert filled.count("| 2 x 2 x 3 |") == 2
    assert report.fill_page(filled, results) == filled
    with pytest.raises(ValueError, match="generation:start"):
        report.fill_page("a page", results)


def test_page_shows_the_committed_results():
    report = import_module("report")
    page = PAGE.read_text(encoding="utf-8")
    assert report.fill_page(page, report.read_results(ROOT / "benchmarks" / "results")) == page
    for name in report.TABLES:
        assert f"<!-- {name}:start -->" in page
