# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The benchmarks run and say what they measured; what the numbers are is no test's business."""

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from tiny import VISUAL_GRID, tiny_transformer

from nuwa_hf import EmojiMotion, Grid
from nuwa_hf.evaluation.judge_networks import ClipJudge, FrameJudge
from nuwa_hf.generation import sampler, step_plan
from nuwa_hf.training.run_state import RunState


ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
TOY = ["--hidden_size", "16", "--layers", "1", "--repetitions", "2"]
MACHINE = {"cpu", "cores", "threads", "memory_bytes", "system", "python", "torch", "load"}


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.delitem(sys.modules, "streaming", raising=False)  # an example has the same name


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


@pytest.mark.slow
def test_paper_size_says_where_the_time_and_the_memory_of_every_case_go(tmp_path):
    precisions = ["float32", "bfloat16", "int8/bfloat16"]
    arguments = ["--presets", "toy", "--outputs", "video", "--precisions", *precisions, "--batch_sizes", "2"]
    result = run("paper_size", tmp_path / "found", *arguments, "--repetitions", "1", "--work_dir", str(tmp_path))
    assert set(result) == {"machine", "settings", "cases"}
    assert set(result["machine"]) == MACHINE
    assert {path.name for path in tmp_path.iterdir()} == {"found"}, "the weights must not stay"
    rows = {(row["transformer"], row["guidance"]): row for row in result["cases"]}
    assert len(rows) == len(result["cases"]) == 2 * len(precisions)
    for row in result["cases"]:
        assert (row["grid"], row["waves"], row["batch_size"]) == ([2, 3, 3], 11, 2)
        median = {part: values["median"] for part, values in row["seconds"].items()}
        whole = sum(median[part] for part in ("text", "set_up", "waves", "codec", "rest"))
        assert whole == pytest.approx(median["total"])
        assert 0 < median["sampling"] < median["waves"]
        assert row["share_of_floor"] == row["floors"]["seconds"] / median["waves"]
        assert row["peak_memory"] > row["memory_by_formula"]["peak"] > row["memory_by_formula"]["weights"]
    full, half = rows["float32", False], rows["bfloat16", False]
    assert full["memory_by_formula"]["weights"] == 2 * half["memory_by_formula"]["weights"]
    assert full["floors"]["bytes_per_wave"] == 2 * half["floors"]["bytes_per_wave"]
    assert rows["float32", True]["floors"]["operations"] == 2 * full["floors"]["operations"]
    assert rows["float32", True]["memory_by_formula"]["ring"] == 2 * full["memory_by_formula"]["ring"]


def test_weights_of_a_wave_are_those_that_every_step_multiplies_by():
    model = tiny_transformer()
    width, layers = model.config.hidden_size, model.config.num_decoder_layers
    matrices = [weight for weight in import_module("floors").weights_of_waves(model) if weight.ndim == 2]
    # Four of the self-attention, queries and output of the cross-attention, two of four times the width.
    of_layers = layers * (4 + 2 + 8) * width**2
    assert sum(weight.numel() for weight in matrices) == of_layers + model.config.codebook_size * width


def test_precisions_name_the_transformer_and_the_codec(tmp_path):
    parse = import_module("paper_pipeline").Precision.parse
    assert parse("int8") == ("int8", "float32")
    assert parse("int8/bfloat16") == ("int8", "bfloat16")
    assert parse("bfloat16") == ("bfloat16", "bfloat16")
    for wrong in ("float16", "float32/int8", "float32/half"):
        with pytest.raises(ValueError, match="`--precisions` must be"):
            parse(wrong)
    with pytest.raises(ValueError, match="got int8"):
        run("paper_size", tmp_path, "--device", "cuda", "--precisions", "int8")


@pytest.mark.slow
def test_streaming_says_when_frames_come_and_what_they_take(checkpoint, tmp_path):
    sizes = ["--num_frames", "9", "--warm_up", "3", "--every", "2", "--repetitions", "1"]
    result = run("streaming", tmp_path, "--checkpoint", str(checkpoint), *sizes)
    assert set(result) == {"machine", "settings", "ways"}
    assert set(result["machine"]) == MACHINE
    assert list(result["ways"]) == ["chunks", "last position held"]
    for row in result["ways"].values():
        assert all(is_summary(row["seconds"][name], 1) for name in ("first_frame", "whole_call"))
        assert len(row["gaps"]["seconds"]) == 8
        assert 0 < row["gaps"]["median"] <= row["gaps"]["percentile_95"]
        assert row["memory"]["frames"] == [3, 5, 7, 9]
        assert all(resident > 2**20 for resident in row["memory"]["resident"])


def test_streaming_needs_two_readings_of_memory(tmp_path):
    with pytest.raises(ValueError, match="`--num_frames` must be at least"):
        run("streaming", tmp_path, "--num_frames", "100")


def test_streamed_frames_are_judged_one_by_one(checkpoint, tmp_path):
    module, dataset = import_module("streaming"), EmojiMotion(split="val")
    FrameJudge(dataset.object_names, dataset.background_names, width=4).save_pretrained(tmp_path / "frame_judge")
    ClipJudge(dataset.motion_names, num_frames=6, width=4).save_pretrained(tmp_path / "clip_judge")
    judged = module.judge_ways(checkpoint, tmp_path, num_captions=3, num_frames=7, batch_size=2, seed=0)
    learnt = VISUAL_GRID[0]
    for way in judged["ways"].values():
        assert len(way["by_frame"]) == 7
        assert [(span["first"], span["last"]) for span in way["spans"]] == [(1, 3), (4, 6), (7, 7)]
        assert way["spans"][0]["share"] == pytest.approx(sum(way["by_frame"][:learnt]) / learnt)
    result = {"machine": import_module("machine").describe_machine(), "judged": judged}
    result["settings"] = {
        "checkpoint": "tiny",
        "grid": VISUAL_GRID,
        "guidance_scale": 1,
        "repetitions": 1,
        "num_frames": 7,
    }
    series = {"frames": [1, 2], "resident": [2**20, 2**20], "bytes_per_frame": 0.0}
    gaps = {"frames_per_second": 2.0, "median": 0.5, "percentile_95": 0.5}
    times = {name: {"median": 1.0} for name in ("first_frame", "whole_call")}
    result["ways"] = {way: {"seconds": times, "gaps": gaps, "memory": series} for way in judged["ways"]}
    table = import_module("report").streaming_tables(result)
    assert "| frames 1 to 3 | frames 4 to 6 | frames 7 to 7 | last frame |" in table


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
