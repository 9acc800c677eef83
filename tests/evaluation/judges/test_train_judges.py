# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json
import math
import resource
import shutil

import pytest
import torch

from nuwa_hf.evaluation import ClipJudge, JudgeReader, Judges
from nuwa_hf.evaluation.judges import train_judges
from nuwa_hf.evaluation.judges.judge_progress import seconds_left
from nuwa_hf.evaluation.judges.judge_report import clips_of, draw_rows, report_scores, scores_of, stills_of
from nuwa_hf.evaluation.judges.train_judges import main, parse_arguments, save_judge, train
from nuwa_hf.evaluation.judges.training_clips import (
    NO_MOTION,
    JudgeClips,
    augment,
    blur,
    clip_loss,
    draw_frames,
    frame_loss,
    segment_loss,
)
from nuwa_hf.evaluation.metrics.judge_metrics import JUDGE_METRICS


TINY_RUN = [
    *("--frame_steps", "2", "--clip_steps", "2", "--segment_steps", "2", "--batch_size", "4", "--num_val_clips", "6"),
    *("--num_workers", "0", "--device", "cpu"),
]


def test_judges_learn_eight_clips_by_heart(make_dataset, make_judges):
    dataset = make_dataset(length=8)
    judges = make_judges(dataset)
    for judge, loss, steps in ((judges.frame_judge, frame_loss, 60), (judges.clip_judge, clip_loss, 40)):
        judge.requires_grad_(True)
        train(judge, JudgeClips(dataset), loss, steps=steps, batch_size=8, learning_rate=1e-2)
    scores = scores_of(JudgeReader(judges), clips_of(draw_rows(dataset, 8)))
    assert {"object", "background", "motion", "object-and-motion"} <= set(scores)
    assert all(scores[name]["value"] == 1 for name in ("object", "background", "motion", "object-and-motion"))


@pytest.mark.slow
def test_segment_judge_learns_eight_sketches_by_heart(make_dataset, make_judges):
    dataset = make_dataset(length=8)
    judges = make_judges(dataset)
    judges.segment_judge.requires_grad_(True)
    train(judges.segment_judge, JudgeClips(dataset), segment_loss, steps=200, batch_size=8, learning_rate=1e-2)
    assert scores_of(JudgeReader(judges), stills_of(draw_rows(dataset, 8)))["thing-iou"]["value"] > 0.8


def test_frames_are_drawn_with_their_own_sketches():
    clips = torch.arange(6, dtype=torch.uint8).repeat(5, 1)[..., None, None, None].expand(5, 6, 3, 4, 4)
    batch = {"clip": clips, "sketch": clips[:, :, 0]}
    frames, sketches = draw_frames(batch, 3, torch.Generator().manual_seed(0))
    assert frames.shape == (5, 3, 3, 4, 4)
    assert torch.equal((frames[:, :, 0] * 255).round().long(), sketches)
    assert all(len(set(row.tolist())) == 3 for row in sketches[:, :, 0, 0])


def test_item_holds_the_clip_and_its_truth(make_dataset):
    dataset = make_dataset(two_objects=0.5, sprite_size=8, length=20)
    for index, item in enumerate(JudgeClips(dataset)[k] for k in range(20)):
        sample = dataset[index]
        assert torch.equal(item["clip"], torch.from_numpy(sample["video"]).permute(0, 3, 1, 2))
        assert torch.equal(item["sketch"], torch.from_numpy(sample["sketch"]))
        assert item["objects"].sum() == len(sample["objects"])
        assert (item["motion"] == NO_MOTION) == (len(sample["objects"]) == 2)


def test_blur_keeps_flat_pictures_and_lowers_contrast():
    flat, noise = torch.full((2, 3, 8, 8), 0.3), torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(blur(flat), flat)
    assert blur(noise)[..., 1:-1, 1:-1].std() < 0.6 * noise[..., 1:-1, 1:-1].std()


def test_augmented_clips_stay_pixels_and_leave_the_original_alone():
    clips = torch.rand(6, 2, 3, 8, 8)
    before = clips.clone()
    changed = augment(clips, torch.Generator().manual_seed(0))
    assert changed.shape == clips.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert torch.equal(clips, before)
    assert torch.equal(changed, augment(clips, torch.Generator().manual_seed(0)))


def test_training_stops_when_its_time_is_over(make_dataset, make_judges):
    dataset = make_dataset()
    judge = make_judges(dataset).clip_judge.requires_grad_(True)
    log = train(judge, JudgeClips(dataset), clip_loss, steps=100_000, batch_size=2, max_seconds=0.3)
    assert 1 <= log["steps"] < 100_000


def test_loss_or_weight_that_is_not_finite_ends_training_and_is_not_saved(make_dataset, make_judges, tmp_path):
    dataset = make_dataset()
    judge = make_judges(dataset).clip_judge.requires_grad_(True)
    with torch.no_grad():
        next(judge.parameters()).fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"ClipJudge stopped at step 1: `loss` is nan; .* `learning_rate`"):
        train(judge, JudgeClips(dataset), clip_loss, steps=2, batch_size=2)
    with pytest.raises(FloatingPointError, match="ClipJudge was not saved: the weight `"):
        save_judge(judge, tmp_path / "clip_judge")
    assert list(tmp_path.iterdir()) == []


def test_judge_that_the_disk_has_no_room_for_leaves_the_one_that_is_there(make_dataset, make_judges, tmp_path):
    judges, folder = make_judges(make_dataset()), tmp_path / "judge"
    save_judge(judges.clip_judge, folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, limits[1]))  # as a disk that is full: larger files fail
    try:
        with pytest.raises(OSError, match="judge"):
            save_judge(judges.frame_judge, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_batch_without_a_clip_of_one_object_teaches_nothing_and_breaks_nothing(make_dataset, make_judges):
    dataset = make_dataset(two_objects=1.0, sprite_size=8)
    judge = make_judges(dataset).clip_judge.requires_grad_(True)
    assert train(judge, JudgeClips(dataset), clip_loss, steps=2, batch_size=2)["loss"] == 0
    assert all(tensor.isfinite().all() for tensor in judge.state_dict().values())


@pytest.mark.parametrize(
    ("step", "elapsed", "max_seconds", "left"),
    [(0, 5, 60, None), (2, 10, 60, 50), (2, 10, math.inf, 490), (99, 10, 60, 10 / 99), (2, 70, 60, 0)],
)
def test_time_left_ends_with_the_steps_or_with_the_time_it_may_take(step, elapsed, max_seconds, left):
    assert seconds_left(step, 100, elapsed, max_seconds) == pytest.approx(left)


def test_controls_change_only_what_they_take_away(make_dataset, make_judges):
    dataset = make_dataset(two_objects=0.5, sprite_size=8, length=12)
    rows = draw_rows(dataset, 12)
    judges = make_judges(dataset)
    report = report_scores(JudgeReader(judges), rows)
    sizes = []

    class Watched(JudgeReader):
        def __call__(self, batch):
            sizes.append(len(batch.clips))
            return super().__call__(batch)

    assert report_scores(Watched(judges), rows, batch_size=5) == report
    assert set(sizes) == {5, 2}
    stills = report.pop("stills")
    assert set(report) == {"real", "first_frame_repeated", "frames_shuffled", "another_clips_caption"}
    # Objects are judged frame by frame, so the order of the frames does not count.
    assert report["frames_shuffled"]["object"] == report["real"]["object"]
    assert {row["motion"]["samples"] for row in report.values()} == {sum(len(row["objects"]) == 1 for row in rows)}
    assert not {metric.name for metric in JUDGE_METRICS if metric.kind != "judges"} & set(report["real"])
    assert set(stills) == {"object", "background", "thing-iou", "pixel-accuracy:judges", "fwiou:judges"}


@pytest.fixture(scope="module")
def run_of_seed_3(tmp_path_factory):
    """The folder of a run; read only."""
    folder = tmp_path_factory.mktemp("judges")
    assert main(["--output_dir", str(folder), "--seed", "3", *TINY_RUN]) == 0
    return folder


def test_same_seed_trains_the_same_judges_and_writes_the_report(run_of_seed_3, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(train_judges, "keep_freed_memory", lambda: kept.append("kept"))
    assert main(["--output_dir", str(tmp_path), "--seed", "3", *TINY_RUN]) == 0
    assert kept == ["kept"]  # as every training on a CPU
    first, second = (Judges.from_pretrained(folder) for folder in (run_of_seed_3, tmp_path))
    for name in ("frame_judge", "clip_judge", "segment_judge"):
        one, other = getattr(first, name), getattr(second, name)
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["training"]["frame_judge"]["steps"] == 2
    assert set(report["splits"]) == {"val", "zeroshot"}
    folders = {"frame_judge", "clip_judge", "segment_judge"}
    assert {path.name for path in tmp_path.iterdir()} == {*folders, "report.json"}


def test_only_what_is_missing_is_trained_and_comes_out_the_same(run_of_seed_3, tmp_path):
    shutil.copytree(run_of_seed_3, tmp_path, dirs_exist_ok=True)
    files = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    kept = {path: path.stat().st_mtime_ns for path in files if path.parent.name != "segment_judge"}
    shutil.rmtree(tmp_path / "segment_judge")
    assert main(["--output_dir", str(tmp_path), "--seed", "3", *TINY_RUN]) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert {path: path.read_bytes() for path in files} == files
    again = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert again["training"]["clip_judge"] == report["training"]["clip_judge"]
    assert again["splits"] == report["splits"]


def test_kept_judge_of_other_classes_is_refused(tmp_path):
    ClipJudge(["up", "down"], num_frames=6, width=4).save_pretrained(tmp_path / "clip_judge")
    with pytest.raises(
        ValueError, match=r"`output_dir` must hold judges of this setting, .* with another motion_names"
    ):
        main(["--output_dir", str(tmp_path), *TINY_RUN])


@pytest.mark.parametrize(
    "option", ["--frame_steps", "--clip_steps", "--segment_steps", "--batch_size", "--num_val_clips"]
)
def test_count_below_one_is_refused(option, tmp_path):
    with pytest.raises(ValueError, match=f"`{option[2:]}` must be at least 1"):
        parse_arguments(["--output_dir", str(tmp_path), option, "0"])


def test_a_device_that_there_is_not_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"`--device` must be one of cpu.*, got 'abacus'"):
        main(["--output_dir", str(tmp_path / "judges"), "--device", "abacus"])
    assert not (tmp_path / "judges").exists()


def test_a_seed_that_is_too_large_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`seed` must fit into 63 bits, got 9223372036854775808"):
        parse_arguments(["--output_dir", str(tmp_path), "--seed", str(2**63)])


def test_more_val_clips_than_there_are_are_refused_before_anything_is_trained(tmp_path):
    flags = ["--output_dir", str(tmp_path), "--num_val_clips", "10001"]
    with pytest.raises(ValueError, match="`num_val_clips` must be at most the 10000 that EmojiMotion has, got 10001"):
        parse_arguments(flags)
    parse_arguments([*flags, "--dataset", "moving-mnist"])  # which makes as many as are asked for


@pytest.mark.parametrize(
    ("dataset", "option", "value"),
    [
        ("moving-mnist", "setting", "small"),
        ("moving-mnist", "frame_steps", "9"),
        ("moving-mnist", "clip_steps", "9"),
        ("moving-mnist", "segment_steps", "9"),
        ("emoji-motion", "digit_steps", "9"),
    ],
)
def test_option_of_the_other_judges_is_refused(dataset, option, value, tmp_path):
    flags = ["--output_dir", str(tmp_path), "--dataset", dataset, f"--{option}", value]
    with pytest.raises(ValueError, match=rf"`{option}` must be left out with `dataset` {dataset}, got .*; drop it"):
        parse_arguments(flags)


def test_time_that_is_over_at_once_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`max_minutes` must be more than 0"):
        parse_arguments(["--output_dir", str(tmp_path), "--max_minutes", "0"])
