# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math
from dataclasses import replace

import pytest
import torch

from nuwa_hf import NuwaTextToVideoPipeline
from nuwa_hf.evaluation.tasks.completion_tasks import HIDDEN_KINDS, WAYS, encode, nats_of_hidden
from nuwa_hf.evaluation.tasks.evaluate_tasks import JUDGED_BY, check_tasks, evaluate_tasks
from nuwa_hf.evaluation.tasks.hidden_places import hidden_places
from nuwa_hf.evaluation.tasks.manipulation_tasks import share_kept
from nuwa_hf.evaluation.tasks.text_to_video import through_codec
from nuwa_hf.metrics.score_tables import TASK_NOTES, format_task
from nuwa_hf.tasks import TASKS, get_task


TASK_NAMES = [task.abbreviation for task in TASKS]
WAY_ROWS = {"real", "codec", *WAYS, "chance"}
TABLES = {
    "T2I": {"val": {"real", "codec", "generated", "chance"}},
    "T2V": {"val": {"real", "codec", "best of 1", "best of 2", "chance"}},
    "S2I": {"val": {"real", "codec", "sketch", "sketch and text", "the sketch itself through its codec", "chance"}},
    "S2V": {"val": {"real", "codec", "sketch", "sketch and text", "chance"}},
    "I2I": dict.fromkeys(HIDDEN_KINDS, WAY_ROWS),
    "V2V": {title: {*WAY_ROWS, "last frame repeated"} for title in ("1 frame given", "2 frames given")},
    "TI2I": {"val, another thing": WAY_ROWS},
    "TV2V": dict.fromkeys(("val, own caption", "val, another motion", "zeroshot, own caption"), WAY_ROWS),
}
SCORES = {
    "T2I": {"object", "background"},
    "T2V": {"object", "background", "motion", "object_and_motion"},
    "S2I": {"object", "background", "mean_iou_things", "pixel_accuracy", "fw_iou"},
    "S2V": {"object", "motion", "mean_iou_things", "pixel_accuracy", "fw_iou"},
    "I2I": {"nats", "object", "seam"},
    "V2V": {"motion", "psnr"},
    "TI2I": {"object", "seam", "kept"},
    "TV2V": {"object_and_motion", "kept"},
}


@pytest.fixture
def datasets(make_dataset):
    world = {"length": 40, "size": 16, "num_frames": 3, "sprite_size": 8}
    return {split: make_dataset(split, **world) for split in ("val", "zeroshot")}


@pytest.mark.parametrize("task", TASK_NAMES)
def test_task_is_judged_beside_its_bounds(task, datasets, make_judges, pipeline):
    judges = make_judges(datasets["val"])
    sizes = {"num_images": 4, "num_videos": 3}
    ((name, tables),) = evaluate_tasks([task], datasets, judges, pipeline, **sizes, candidates=[1, 2])
    assert name == task
    assert {title: set(rows) for title, rows in tables.items()} == TABLES[task]
    for rows in tables.values():
        assert SCORES[task] <= {score for row in rows.values() for score in row}
        assert all(row["kept"] == 1 for row in rows.values() if "kept" in row)
        for row, scores in rows.items():
            accuracies = [score for score in scores.values() if isinstance(score, dict)]
            most = sizes["num_images"] if get_task(task).output == "image" else sizes["num_videos"]
            assert all(1 <= score["clips"] <= most for score in accuracies if "clips" in score)
            # Every accuracy that was measured has its interval; chance is exact.
            assert all(("low" in score) == (row != "chance") for score in accuracies)
    shown = format_task(task, tables)
    assert all(title.replace("_", " ") in shown for title in tables)


def test_every_task_has_its_judging_and_its_note():
    assert {*JUDGED_BY, "T2V"} == set(TASK_NAMES) == set(TASK_NOTES)


def test_real_things_are_judged_the_same_in_every_way_of_asking(evaluator):
    tables = JUDGED_BY["I2I"](evaluator)
    reals = [rows["real"]["object"] for rows in tables.values()]
    assert all(real == reals[0] for real in reals)


@pytest.mark.parametrize("condition_on_known", [False, True])
def test_model_that_knows_nothing_needs_the_logarithm_of_the_codes(evaluator, condition_on_known):
    torch.nn.init.zeros_(evaluator.pipeline.transformer.head.weight)
    tokens = encode(evaluator, evaluator.real.stills(evaluator.real.clips))
    hidden = hidden_places("centre", len(tokens), 8, 8, seed=0)
    found = nats_of_hidden(evaluator, tokens, hidden, condition_on_known)
    assert found == pytest.approx(math.log(evaluator.pipeline.vqgan.config.codebook_size), abs=1e-5)


def test_likelihood_does_not_depend_on_what_comes_after_in_the_papers_way_only(evaluator):
    tokens = encode(evaluator, evaluator.real.stills(evaluator.real.clips))
    changed = tokens.clone()
    changed[:, :, 4:] = (changed[:, :, 4:] + 1) % evaluator.pipeline.vqgan.config.codebook_size
    hidden = hidden_places("half", len(tokens), 8, 8, seed=0)
    papers, ours = (
        [nats_of_hidden(evaluator, part, hidden, way) for part in (tokens, changed)] for way in (False, True)
    )
    assert papers[0] == pytest.approx(papers[1], abs=1e-5)
    assert abs(ours[0] - ours[1]) > 1e-5


def test_changed_pixel_that_should_be_kept_is_noticed():
    original = torch.rand(2, 3, 4, 4)
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[:, :2] = True
    shown = torch.where(masks[:, None], 0.5, original)
    assert share_kept(shown, original, masks) == 1
    shown[1, 2, 3, 3] += 1e-6
    assert share_kept(shown, original, masks) == pytest.approx(15 / 16)


def test_batch_size_does_not_change_the_scores(evaluator):
    together, alone = (JUDGED_BY["TI2I"](replace(evaluator, batch_size=size)) for size in (5, 1))
    for title, rows in together.items():
        for row, scores in rows.items():
            assert scores["object"] == alone[title][row]["object"]


def test_sketch_tasks_are_refused_without_a_sketch_codec_or_its_judge(pipeline, small_world, make_judges):
    judges = make_judges(small_world)
    parts = {name: part for name, part in pipeline.components.items() if name != "sketch_vqgan"}
    without = NuwaTextToVideoPipeline(**parts)
    check_tasks(["T2I", "TV2V"], without, judges)
    with pytest.raises(ValueError, match="`checkpoint` must hold sketch_vqgan for S2I, S2V"):
        check_tasks(["T2I", "S2I", "S2V"], without, judges)
    judges.segment_judge = None
    check_tasks(["T2I", "TV2V"], pipeline, judges)
    with pytest.raises(ValueError, match="`judges` must hold segment_judge/ for S2V"):
        check_tasks(["S2V"], pipeline, judges)


def test_codec_of_the_evaluator_is_that_of_the_checkpoint(evaluator):
    assert torch.equal(evaluator.coded, through_codec(evaluator.pipeline.vqgan, evaluator.real.clips, batch_size=5))
