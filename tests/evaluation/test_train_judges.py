# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json

import pytest
import torch

from nuwa_hf.evaluation import Judges, score_verdicts
from nuwa_hf.evaluation.judge_clips import NO_MOTION, JudgeClips, augment, blur, clip_loss, frame_loss
from nuwa_hf.evaluation.train_judges import draw_clips, main, parse_arguments, report_accuracies, train


TINY_RUN = [
    *("--frame_steps", "2", "--clip_steps", "2", "--batch_size", "4", "--num_val_clips", "6", "--num_workers", "0"),
    *("--device", "cpu"),
]


def test_judges_learn_eight_clips_by_heart(make_dataset, make_judges):
    dataset = make_dataset(length=8)
    judges = make_judges(dataset)
    for judge, loss, steps in ((judges.frame_judge, frame_loss, 60), (judges.clip_judge, clip_loss, 40)):
        judge.requires_grad_(True)
        train(judge, JudgeClips(dataset), loss, steps=steps, batch_size=8, learning_rate=1e-2)
    scores = score_verdicts(judges(draw_clips(dataset, 8)[0]), draw_clips(dataset, 8)[1])
    assert {name: accuracy.value for name, accuracy in scores.items()} == dict.fromkeys(scores, 1.0)


def test_item_holds_the_clip_and_its_truth(make_dataset):
    dataset = make_dataset(two_objects=0.5, sprite_size=8, length=20)
    for index, item in enumerate(JudgeClips(dataset)[k] for k in range(20)):
        sample = dataset[index]
        assert torch.equal(item["clip"], torch.from_numpy(sample["video"]).permute(0, 3, 1, 2))
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


def test_controls_change_only_what_they_take_away(make_dataset, make_judges):
    dataset = make_dataset(two_objects=0.5, sprite_size=8, length=12)
    clips, truths = draw_clips(dataset, 12)
    report = report_accuracies(make_judges(dataset), clips, truths)
    assert set(report) == {"real", "first_frame_repeated", "frames_shuffled", "another_clips_caption"}
    # Objects are judged frame by frame, so the order of the frames does not count.
    assert report["frames_shuffled"]["object"] == report["real"]["object"]
    assert {row["motion"]["clips"] for row in report.values()} == {sum(truth.motion is not None for truth in truths)}


def test_same_seed_trains_the_same_judges_and_writes_the_report(tmp_path):
    for name in ("first", "second"):
        assert main(["--output_dir", str(tmp_path / name), "--seed", "3", *TINY_RUN]) == 0
    first, second = (Judges.from_pretrained(tmp_path / name) for name in ("first", "second"))
    for one, other in ((first.frame_judge, second.frame_judge), (first.clip_judge, second.clip_judge)):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    report = json.loads((tmp_path / "first" / "report.json").read_text(encoding="utf-8"))
    assert report["training"]["frame_judge"]["steps"] == 2
    assert set(report["splits"]) == {"val", "zeroshot"}
    assert {path.name for path in (tmp_path / "first").iterdir()} == {"frame_judge", "clip_judge", "report.json"}


@pytest.mark.parametrize("option", ["--frame_steps", "--clip_steps", "--batch_size", "--num_val_clips"])
def test_count_below_one_is_refused(option, tmp_path):
    with pytest.raises(ValueError, match=f"`{option[2:]}` must be at least 1"):
        parse_arguments(["--output_dir", str(tmp_path), option, "0"])


def test_time_that_is_over_at_once_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`max_minutes` must be more than 0"):
        parse_arguments(["--output_dir", str(tmp_path), "--max_minutes", "0"])
