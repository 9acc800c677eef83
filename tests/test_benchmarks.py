# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The benchmarks run and say what they measured; what the numbers are is no test's business."""

import json
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from tiny import VISUAL_GRID, tiny_transformer

from nuwa_hf import EmojiMotion, Grid
from nuwa_hf.evaluation.judges.judge_networks import ClipJudge, FrameJudge
from nuwa_hf.generation import step_plan
from nuwa_hf.modeling import generation_mixin
from nuwa_hf.training.run.run_state import RunState


ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
TOY = ["--hidden_size", "16", "--layers", "1", "--repetitions", "2"]
NEEDS_NUWA_PYTORCH = pytest.mark.skipif(
    find_spec("nuwa_pytorch") is None,
    reason="nuwa-pytorch 0.7.8 is not installed; the head of benchmarks/models/nuwa_pytorch_model.py says how",
)
# A result's name to the module that measures it.
MODULES = {
    "generation": "benchmarks.sampling.generation",
    "batches": "benchmarks.sampling.batches",
    "streaming": "benchmarks.sampling.streaming",
    "quantization": "benchmarks.sampling.quantization",
    "rounding": "benchmarks.sampling.rounding",
    "paper_size": "benchmarks.pipeline.paper_size",
    "against_before": "benchmarks.pipeline.against_before",
    "start_up": "benchmarks.pipeline.start_up",
    "training_step": "benchmarks.training.training_step",
    "training_run": "benchmarks.training.training_run",
    "token_memory": "benchmarks.training.token_memory",
    "vqgan": "benchmarks.codec.vqgan",
    "equal_minutes": "benchmarks.equal_minutes",
    "video_prediction": "benchmarks.video_prediction",
}
MACHINE = {"cpu", "cores", "threads", "memory_bytes", "system", "python", "torch", "load"}


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def run(name, output, *arguments):
    import_module(MODULES[name]).main(["--output", str(output), *arguments])
    return json.loads((output / f"{name}.json").read_text(encoding="utf-8"))


def test_every_benchmark_has_its_command_on_the_page():
    documented = re.findall(r"^python -m (benchmarks\.\S+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(documented) == sorted([*MODULES.values(), "benchmarks.report.report"])
    assert all(hasattr(import_module(module), "main") for module in documented)


def is_summary(part, num_runs):
    return len(part["runs"]) == num_runs and 0 < part["min"] <= part["median"] <= part["max"]


def generation_of_toy_size(output, *arguments):
    grids = ["--grids", "2x2x3", "--growth_grids", "1x2x2", "2x2x2", "--nuwa_pytorch_whole_grids"]
    cases = ["--cases", "wavefront", "raster"]
    return run("generation", output, *TOY, *grids, "--growth_repetitions", "1", *cases, *arguments)


def test_generation_says_steps_and_seconds_of_both_orders(tmp_path, capsys):
    result = generation_of_toy_size(tmp_path)
    assert set(result) == {"machine", "settings", "comparison", "growth"}
    assert set(result["machine"]) == MACHINE
    assert [row["guidance"] for row in result["comparison"]] == [False, True]
    for row in result["comparison"]:
        wavefront, raster = row["cases"]["wavefront"], row["cases"]["raster"]
        assert raster["steps"] == row["tokens"] == 12 > wavefront["steps"]
        assert is_summary(wavefront["seconds"], 2)
        assert is_summary(raster["seconds"], 2)
        assert wavefront["ratio"] == 1
    assert [row["grid"] for row in result["growth"]["rows"]] == 2 * [[1, 2, 2], [2, 2, 2]]
    assert {case: list(fitted) for case, fitted in result["growth"]["exponents"].items()} == {
        "wavefront": ["2x2"],
        "raster": ["2x2"],
    }
    assert "| 2 x 2 x 3 | yes | 9 |" in capsys.readouterr().out


@NEEDS_NUWA_PYTORCH
def test_generation_estimates_nuwa_pytorch_from_its_steps_and_measures_whole_videos(tmp_path, capsys):
    grids = ["--grids", "2x2x2", "1x2x2", "--growth_grids", "1x2x2", "--nuwa_pytorch_whole_grids", "2x2x2"]
    steps = ["--nuwa_pytorch_growth_grids", "1x2x2", "2x2x2", "--nuwa_pytorch_steps", "5"]
    result = run("generation", tmp_path, *TOY, *grids, *steps, "--growth_repetitions", "1")
    for row in result["comparison"]:
        found = row["cases"]["nuwa_pytorch"]
        assert found["steps"] == row["tokens"]
        assert found["timed_steps"] == min(5, row["tokens"])
        assert is_summary(found["seconds"], 1)
        assert ("whole_seconds" in found) == (row["grid"] == [2, 2, 2])
    assert set(result["growth"]["exponents"]["nuwa_pytorch"]) == {"2x2"}
    printed = capsys.readouterr().out
    assert "measured; " in printed
    assert "estimated from 5 of 8 steps" in printed


@NEEDS_NUWA_PYTORCH
@pytest.mark.parametrize("guidance_scale", [1.0, 2.0])
def test_timed_step_of_nuwa_pytorch_is_the_step_of_its_generate(guidance_scale):
    module, sizes = import_module("benchmarks.models.nuwa_pytorch_model"), import_module("benchmarks.models.sizes")
    torch.manual_seed(0)
    model = module.build_nuwa_pytorch(sizes.sized_config(16, 1, (2, 2, 2))).eval()
    text = torch.randint(5, 300, (1, 6))
    codes = module.whole_generation(model, text, guidance_scale, seed=1)()
    step, tokens = module.generation_step(model, text, guidance_scale), torch.empty(1, 0, dtype=torch.long)
    torch.manual_seed(1)
    for _ in range(8):
        tokens = step(tokens)
    assert torch.equal(codes, model.vae.codebook[tokens].reshape(1, 2, 2, 2, -1).movedim(-1, 2))


def test_estimate_is_exact_for_a_straight_line_and_close_for_a_curve():
    module = import_module("benchmarks.measuring.estimates")
    assert module.evenly_spaced(12, 3) == [2, 6, 10]
    assert module.evenly_spaced(3, 17) == [0, 1, 2]
    # Steps of 3 n + 1 seconds for n below 512: 3 * 512 * 511 / 2 + 512 in all; the middle of 512 is not a step.
    assert module.estimate_from_steps(lambda n: 3 * n + 1, 512, 17) == pytest.approx(392960, rel=0.005)
    assert module.estimate_from_steps(lambda n: 3 * n + 1, 512, 512) == 392960
    assert module.estimate_from_steps(lambda n: n**2, 900, 17) == pytest.approx(899 * 900 * 1799 / 6, rel=0.005)
    with pytest.raises(ValueError, match="at least 1"):
        module.evenly_spaced(3, 0)


def test_fitted_exponent_is_that_of_a_power():
    module = import_module("benchmarks.measuring.estimates")
    assert module.fit_exponent([1, 2, 4], [5.0, 20.0, 80.0]) == pytest.approx(2)


def test_generation_stops_if_the_orders_disagree(monkeypatch):
    module = import_module("benchmarks.sampling.generation_cases")
    grids = [Grid(2, 2, 3)]
    model = module.build_model(16, 1, grids, seed=0).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20)  # at its start a model hardly looks at the tokens before
    module.check_orders_agree(model, grids[0], 1.0, seed=0)
    # Raster order backwards: what is near a place is not there yet when the place is sampled.
    backwards = tuple(torch.arange(11, -1, -1).split(1))
    forwards = tuple(torch.arange(12).split(1))
    monkeypatch.setattr(
        step_plan, "plan_steps", lambda grid, window, schedule: backwards if schedule == "raster" else forwards
    )
    monkeypatch.setattr(step_plan, "count_slots", lambda *arguments: 16)
    monkeypatch.setattr(generation_mixin, "plan_grid", step_plan.plan_grid.__wrapped__)  # the cached plans stay right
    with pytest.raises(RuntimeError, match="of 12 tokens"):
        module.check_orders_agree(model, grids[0], 1.0, seed=0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--growth_grids", "2x2x2", "2x2x2"], "growth_grids"),
        (["--nuwa_pytorch_whole_grids", "9x2x2"], "nuwa_pytorch_whole_grids"),
        (["--cases", "nuwa_pytorch"], "cases"),
    ],
)
def test_generation_refuses_what_it_cannot_measure_before_any_work(tmp_path, arguments, named):
    with pytest.raises(ValueError, match=named):
        generation_of_toy_size(tmp_path, *arguments)
    assert not list(tmp_path.iterdir())


def test_every_backend_takes_the_same_training_step():
    module = import_module("benchmarks.training.training_step")
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


@pytest.mark.skipif(find_spec("nuwa_pytorch") is not None, reason="nuwa-pytorch is installed")
@pytest.mark.parametrize("name", ["generation", "training_step"])
def test_comparison_without_nuwa_pytorch_says_what_to_install(tmp_path, name):
    with pytest.raises(RuntimeError, match=r"nuwa-pytorch 0\.7\.8 must be installed"):
        run(name, tmp_path, *TOY)
    assert not list(tmp_path.iterdir())


@NEEDS_NUWA_PYTORCH
def test_nuwa_pytorch_takes_a_training_step_of_the_same_size():
    module = import_module("benchmarks.training.training_step")
    model, step = module.build_step("nuwa_pytorch", hidden_size=16, layers=1, grid=(2, 3, 3), clips=2, seed=0)
    before = model.to_logits.weight.detach().clone()
    step()
    assert model.to_logits.weight.shape == (160, 16)
    assert not torch.equal(before, model.to_logits.weight)
    with pytest.raises(ValueError, match="square"):
        import_module("benchmarks.models.nuwa_pytorch_model").check_can_compare([Grid(2, 2, 3)])


def test_training_run_says_speed_waiting_and_checkpoints(tmp_path):
    result = run("training_run", tmp_path, "--steps", "2", "--every", "1", "--batch_size", "20")
    assert set(result["machine"]) == MACHINE
    assert result["tokens_per_second"] > 0
    assert 0 <= result["data_share"] < 1
    assert len(result["checkpoint_seconds"]) == 2
    assert result["checkpoint_bytes"] > 3 * 4 * 4_000_000  # weights, average and momentum, at least
    assert RunState.save.__name__ == "save"


def test_token_memory_reads_the_same_files_both_ways_and_writes_them_once(tmp_path):
    module, report = import_module(MODULES["token_memory"]), import_module("benchmarks.report.report")
    assert module.write_tokens(tmp_path, 70 * 2560, seed=0, clips_per_shard=32) == 70
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}
    module.write_tokens(tmp_path, 70 * 2560, seed=0, clips_per_shard=32)
    assert len(written) == 3
    assert written == {path: path.stat().st_mtime_ns for path in written}
    row = {"tokens": 70 * 2560, "clips": 70, "bytes": 400_000}
    for way in module.WAYS:
        row[way] = module.measure(tmp_path, way, batches=2, seed=0)
        assert is_summary(row[way]["rows_per_second"], 2)
        assert row[way]["before"] <= row[way]["peak"]
    settings = {"grid": module.GRID, "counts": module.COUNTS, "clips_per_shard": 32, "held_out": 0.05, "batches": 2}
    machine = import_module("benchmarks.measuring.machine").describe_machine()
    assert "| 0.1792 million | 70 | 0.4 MB |" in report.TABLES["token_memory"](
        {"machine": machine, "settings": settings, "rows": [row]}
    )


def training_steps_of_toy_size(output, *cases):
    return run("training_step", output, *TOY, "--grid", "2", "3", "3", "--clips", "2", "--cases", *cases)


def check_training_steps(result, *cases):
    assert set(result) == {"machine", "settings", "cases"}
    assert [row["case"] for row in result["cases"]] == list(cases)
    for row in result["cases"]:
        assert is_summary(row["seconds"], 2)
        assert row["tokens_per_second"] == pytest.approx(2 * 18 / row["seconds"]["median"])
        assert row["peak_memory"] >= row["peak_memory_before"] > 2**20
    assert result["cases"][0]["ratio"] == 1


@pytest.mark.slow
def test_training_step_says_time_and_memory_of_each_backend(tmp_path):
    cases = import_module("benchmarks.training.training_step").BACKENDS
    check_training_steps(training_steps_of_toy_size(tmp_path, *cases), *cases)


@pytest.mark.slow
@NEEDS_NUWA_PYTORCH
def test_training_step_says_time_and_memory_of_what_is_compiled_and_of_nuwa_pytorch(tmp_path):
    cases = ("compiled_feed_forward", "nuwa_pytorch", "nuwa_pytorch_compiled")
    result = training_steps_of_toy_size(tmp_path, *cases)
    check_training_steps(result, *cases)
    assert set(result["settings"]["parameters"]) == {"nuwa_hf", "nuwa-pytorch"}


def test_ways_to_run_the_codec_agree_with_float32():
    found = import_module("benchmarks.codec.vqgan").compare_with_float32("embedded", 32, "cpu", seed=0)
    assert found["float32"] == {"encode": 1, "decode": 0}
    assert 0 < found["float32, channels last"]["decode"] < 1e-4
    # bfloat16 has 8 bits.
    assert 1e-4 < found["bfloat16, channels last"]["decode"] < 0.2
    assert all(way["encode"] > 0.7 for way in found.values())


@pytest.mark.slow
def test_codec_says_images_a_second_and_memory(tmp_path):
    sizes = ["--codecs", "embedded", "--embedded_size", "32", "--embedded_batch_sizes", "2"]
    result = run("vqgan", tmp_path, *sizes, "--embedded_repetitions", "2")
    assert set(result) == {"machine", "settings", "rows"}
    assert [row["direction"] for row in result["rows"]] == 3 * ["encode"] + 3 * ["decode"]
    for row in result["rows"]:
        assert is_summary(row["seconds"], 2)
        assert row["images_per_second"] == 2 / row["seconds"]["median"]
        assert row["peak_memory"] >= row["peak_memory_before"] > 2**20


@pytest.mark.slow
def test_codec_of_the_paper_has_a_token_for_16_pixels_and_back():
    module = import_module("benchmarks.codec.vqgan")
    sizes = {"way": "float32", "batch_size": 1, "size": 32, "device": "cpu", "seed": 0}
    assert module.build_run("f16", direction="encode", **sizes)().shape == (1, 2, 2)
    assert module.build_run("f16", direction="decode", **sizes)().shape == (1, 3, 32, 32)


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


@pytest.mark.slow
def test_rounding_says_how_many_tokens_stay(tmp_path):
    sizes = ["--hidden_size", "32", "--heads", "2", "--layers", "1", "--images", "1"]
    result = run("rounding", tmp_path, "--videos", "2", "--repetitions", "1", *sizes)
    assert set(result["machine"]) == MACHINE
    for part in (result["checkpoint"], result["wide"]):
        assert [row["way"] for row in part["rows"]][-3:] == ["bfloat16", "int8", "int8, the rest bfloat16"]
        for row in part["rows"]:
            assert 0.9 < row["same_past"] <= 1  # of tokens that are drawn after the same ones
            assert 0 <= row["equal_samples"] <= row["whole"] <= 1
        assert part["rows"][0]["same_past"] > 0.999  # the order of sums in float32
        assert is_summary(part["seconds"]["drawn"], 1)


def test_process_that_fails_is_an_error_with_its_last_line(tmp_path):
    module = import_module("benchmarks.pipeline.start_up")
    seconds, peak, printed = module.run_process(["-c", "print('here')"], tmp_path)
    assert seconds > 0
    assert peak > 0
    assert printed == "here\n"
    with pytest.raises(RuntimeError, match="status 3: no such thing"):
        module.run_process(["-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"], tmp_path)


def test_cases_take_turns_after_one_uncounted_run():
    module = import_module("benchmarks.measuring.machine")
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
    matrices = [
        weight for weight in import_module("benchmarks.pipeline.floors").weights_of_waves(model) if weight.ndim == 2
    ]
    # Four of the self-attention, queries and output of the cross-attention, two of four times the width.
    of_layers = layers * (4 + 2 + 8) * width**2
    assert sum(weight.numel() for weight in matrices) == of_layers + model.config.codebook_size * width


def test_precisions_name_the_transformer_and_the_codec(tmp_path):
    parse = import_module("benchmarks.pipeline.paper_pipeline").Precision.parse
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
    assert list(result["ways"]) == ["one wavefront", "chunks"]
    for row in result["ways"].values():
        assert all(is_summary(row["seconds"][name], 1) for name in ("first_frame", "whole_call"))
        assert len(row["gaps"]["seconds"]) == 8
        assert 0 < row["gaps"]["median"] <= row["gaps"]["percentile_95"]
        assert row["memory"]["frames"] == [3, 5, 7, 9]
        assert all(resident > 2**20 for resident in row["memory"]["resident"])


def test_batches_say_how_many_are_made_in_a_second(checkpoint, tmp_path, capsys):
    result = run("batches", tmp_path, "--checkpoint", str(checkpoint), "--sizes", "1", "2", "--repetitions", "1")
    assert [row["task"] for row in result["rows"]] == ["text-to-image", "text-to-video"]
    for row in result["rows"]:
        assert [one["size"] for one in row["sizes"]] == [1, 2]
        assert {row["knee"], row["processor_knee"]} <= {1, 2}
    assert "The knee, the smallest batch with 85% of the highest throughput" in capsys.readouterr().out


def test_streaming_needs_two_readings_of_memory(tmp_path):
    with pytest.raises(ValueError, match="`--num_frames` must be at least"):
        run("streaming", tmp_path, "--num_frames", "100")


def test_streamed_frames_are_judged_one_by_one(checkpoint, tmp_path):
    module, dataset = import_module("benchmarks.sampling.streaming"), EmojiMotion(split="val")
    FrameJudge(dataset.object_names, dataset.background_names, width=4).save_pretrained(tmp_path / "frame_judge")
    ClipJudge(dataset.motion_names, num_frames=6, width=4).save_pretrained(tmp_path / "clip_judge")
    judged = module.judge_ways(checkpoint, tmp_path, num_captions=3, num_frames=7, batch_size=2, seed=0)
    learnt = VISUAL_GRID[0]
    for way in judged["ways"].values():
        assert len(way["by_frame"]) == 7
        assert [(span["first"], span["last"]) for span in way["spans"]] == [(1, 3), (4, 6), (7, 7)]
        assert way["spans"][0]["share"] == pytest.approx(sum(way["by_frame"][:learnt]) / learnt)
    result = {"machine": import_module("benchmarks.measuring.machine").describe_machine(), "judged": judged}
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
    table = import_module("benchmarks.report.report").streaming_tables(result)
    assert "| frames 1 to 3 | frames 4 to 6 | frames 7 to 7 | last frame |" in table


def test_report_fills_a_table_and_can_fill_it_again(tmp_path):
    report = import_module("benchmarks.report.report")
    generation_of_toy_size(tmp_path)
    results = report.read_results(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    filled = report.fill_page(page, results)
    assert filled.count("| 2 x 2 x 3 |") == 2
    assert filled.count("| 2 x 2 x 2 | 8 |") == 1
    assert report.fill_page(filled, results) == filled
    with pytest.raises(ValueError, match="generation:start"):
        report.fill_page("a page", results)


def test_page_shows_the_committed_results():
    report = import_module("benchmarks.report.report")
    page = PAGE.read_text(encoding="utf-8")
    assert report.fill_page(page, report.read_results(ROOT / "benchmarks" / "results")) == page
    for name in report.TABLES:
        assert f"<!-- {name}:start -->" in page


def is_png(path):
    data = path.read_bytes()
    return data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) > 10_000


def test_report_draws_the_plots_of_the_committed_results(tmp_path):
    report, plots = import_module("benchmarks.report.report"), import_module("benchmarks.report.plots")
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    report.main(["--page", str(page)])
    drawn = tmp_path / "images" / "benchmarks"
    assert sorted(path.stem for path in drawn.iterdir()) == sorted(plots.PLOTS)
    assert all(is_png(path) for path in drawn.iterdir())
    results = report.read_results(ROOT / "benchmarks" / "results")
    (again,) = plots.draw_plots({"start_up": results["start_up"]}, tmp_path / "again")
    assert again.read_bytes() == (drawn / again.name).read_bytes()


def test_page_shows_every_plot():
    page = PAGE.read_text(encoding="utf-8")
    for name in import_module("benchmarks.report.plots").PLOTS:
        assert f"](images/benchmarks/{name}.png)" in page
        assert is_png(ROOT / "docs" / "images" / "benchmarks" / f"{name}.png")


def test_start_up_is_plotted_from_whatever_was_timed(tmp_path):
    plots = import_module("benchmarks.report.plots")
    result = json.loads((ROOT / "benchmarks" / "results" / "start_up.json").read_text(encoding="utf-8"))
    result["seconds"] = {"command": {"median": 2.0}, "command_help": {"median": 0.5}, "anything_else": {"median": 1.0}}
    (path,) = plots.draw_plots({"start_up": result}, tmp_path)
    assert is_png(path)
    (axes,) = plots.start_up_plot(result).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["command", "command help", "in Python"]


@pytest.mark.slow
def test_a_version_against_itself_takes_turns(tmp_path):
    source = str(ROOT / "src")
    result = run("against_before", tmp_path, "--before", source, "--cases", "embedded video", "--repetitions", "1")
    (row,) = result["rows"]
    assert is_summary(row["before"], 10)
    assert is_summary(row["after"], 10)
    assert row["ratio"] > 0


def test_the_load_beside_two_versions_is_that_before_their_run(tmp_path, monkeypatch):
    module, load = import_module(MODULES["against_before"]), [0.0]
    monkeypatch.setattr("os.getloadavg", lambda: (load[0], 0.0, 0.0))
    monkeypatch.setattr(module, "measure", lambda *_: load.__setitem__(0, 2.0) or [])
    result = run("against_before", tmp_path, "--before", str(ROOT / "src"), "--cases", "embedded video")
    assert result["machine"]["load"] == 0.0


def test_another_version_must_be_there(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run("against_before", tmp_path, "--before", str(tmp_path))
    assert "`--before` must be a folder that holds `nuwa_hf`" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
