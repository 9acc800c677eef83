# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import json

import pytest
import torch
from PIL import Image
from tiny import tiny_vqgan

from nuwa_hf.datasets import EmojiMotion
from nuwa_hf.evaluation.evaluate import check_classes, main
from nuwa_hf.evaluation.evaluate_arguments import parse_tasks, unmet_requirements
from nuwa_hf.evaluation.tasks.text_to_video import evaluate_split, through_codec
from nuwa_hf.tasks import TASKS


@pytest.fixture
def saved_judges(make_judges, tmp_path):
    judges = make_judges(EmojiMotion(setting="small"))
    judges.frame_judge.save_pretrained(tmp_path / "judges" / "frame_judge")
    judges.clip_judge.save_pretrained(tmp_path / "judges" / "clip_judge")
    judges.segment_judge.save_pretrained(tmp_path / "judges" / "segment_judge")
    return tmp_path / "judges"


@pytest.fixture
def saved_vqgan(tmp_path):
    tiny_vqgan().save_pretrained(tmp_path / "vqgan")
    return tmp_path / "vqgan"


def test_generated_clips_stand_beside_real_coded_and_chance(small_world, pipeline, make_judges):
    report, clips, captions = evaluate_split(
        small_world, make_judges(small_world), pipeline.vqgan, pipeline, num_clips=4, batch_size=3
    )
    assert list(report) == ["real", "codec", "generated", "chance"]
    scores = {"object", "background", "motion", "object_and_motion"}
    assert all(scores <= set(row) for row in report.values())
    assert {"psnr", "psnr_objects"} <= set(report["codec"])
    assert clips.shape == (4, 3, 3, 16, 16)
    assert captions == [small_world[index]["caption"] for index in range(4)]


def test_codec_gives_pixels_of_the_same_shape_in_range():
    clips = torch.rand(3, 2, 3, 16, 16)
    decoded = through_codec(tiny_vqgan(), clips, batch_size=2)
    assert decoded.shape == clips.shape
    assert decoded.min() >= 0
    assert decoded.max() <= 1


def test_codec_only_prints_the_gate_and_keeps_a_report(saved_judges, saved_vqgan, tmp_path, capsys):
    options = ["--codec_only", "--vqgan", str(saved_vqgan), "--judges", str(saved_judges), "--num_clips", "2"]
    options += ["--split", "val", "zeroshot", "--output", str(tmp_path / "report.json"), "--device", "cpu"]
    assert main([*options, "--contact_sheet", str(tmp_path / "sheet.png"), "--sheet_clips", "1"]) == 0
    shown = capsys.readouterr().out
    assert all(row in shown for row in ("real", "codec", "chance", "psnr objects"))
    assert "generated" not in shown
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert set(report["splits"]) == {"val", "zeroshot"}
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width >= 6 * 2 * 64


def test_missed_requirement_fails_and_says_by_how_much(saved_judges, saved_vqgan, capsys):
    options = ["--codec_only", "--vqgan", str(saved_vqgan), "--judges", str(saved_judges), "--num_clips", "3"]
    assert main([*options, "--require", "object_and_motion=1.0", "--device", "cpu"]) == 1
    assert "required of codec clips of val, not met: object_and_motion" in capsys.readouterr().err


def test_requirement_is_met_from_its_least_value_on():
    row = {"object": {"accuracy": 0.9}}
    assert unmet_requirements(row, {"object": 0.9}) == []
    assert unmet_requirements(row, {"object": 0.91, "motion": 0.5}) == ["object 0.900 < 0.91", "motion 0.000 < 0.5"]


def test_judges_of_other_classes_are_refused(make_dataset, make_judges):
    judges = make_judges(make_dataset())
    with pytest.raises(ValueError, match="`judges` must know the motions of the setting"):
        check_classes(judges, make_dataset(motions=("right", "left", "down", "up")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--num_clips": "0"}, "`num_clips` must be at least 2, got 0"),
        ({"--batch_size": "0"}, "`batch_size` must be at least 1"),
        ({"--split": "test"}, "`split` must be some of train, val, zeroshot, got test"),
        ({"--vqgan": "nowhere"}, "`vqgan` must be a directory that holds config.json, got 'nowhere'"),
        ({"--judges": "nowhere"}, "`judges` must be a directory that holds frame_judge/"),
        ({"--require": "beauty=1"}, "`require` must be a score and its least accuracy"),
        ({"--require": "object=1.5"}, "`require` must be a score and its least accuracy"),
        ({"--num_clips": "6000"}, "`num_clips` must be from 2 to 5000"),
        ({"--task_images": "0"}, "`task_images` must be at least 1, got 0"),
        ({"--task_videos": "0"}, "`task_videos` must be at least 1, got 0"),
        ({"--tasks": "T2X"}, "`tasks` must be some of T2I, T2V, .*, or all alone, got T2X"),
        ({"--tasks": "T2I"}, "`tasks` must hold T2V for codec_only"),
        ({"--tasks": "all"}, "`tasks` must be T2V alone with codec_only"),
        ({"--candidates": "0"}, "`candidates` must be at least 1 each"),
    ],
)
def test_option_that_breaks_its_rule_is_refused(changes, message, saved_judges, saved_vqgan):
    options = {"--vqgan": str(saved_vqgan), "--judges": str(saved_judges), "--device": "cpu", **changes}
    with pytest.raises(ValueError, match=message):
        main(["--codec_only", *(text for pair in options.items() for text in pair)])


def test_missing_checkpoint_is_refused(saved_judges, tmp_path):
    with pytest.raises(ValueError, match=r"`checkpoint` must be a directory that holds model_index\.json, got None"):
        main(["--judges", str(saved_judges)])
    with pytest.raises(ValueError, match=r"`checkpoint` must be a directory that holds model_index\.json"):
        main(["--judges", str(saved_judges), "--checkpoint", str(tmp_path)])


def test_tasks_come_in_the_order_of_their_table_once_each():
    assert parse_tasks(["TV2V", "t2i", "T2I"]) == ["T2I", "TV2V"]
    assert parse_tasks(["all"]) == [task.abbreviation for task in TASKS]
