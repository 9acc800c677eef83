# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from nuwa_hf.evaluation import ClipTruth, JudgeReader, Judges, SegmentJudge
from nuwa_hf.evaluation.judges import judge_reader
from nuwa_hf.evaluation.judges.judge_reader import agree, psnr_things, shows_exactly
from nuwa_hf.evaluation.judges.judge_report import clips_of, draw_rows, stills_of
from nuwa_hf.evaluation.metrics.judge_metrics import JUDGE_METRICS


NAN = math.nan
MOTIONS = ("right", "left", "spin", "appear")


@pytest.fixture
def dataset(make_dataset):
    return make_dataset(motions=MOTIONS, two_objects=0.4, sprite_size=8, length=24)


@pytest.fixture
def rows(dataset):
    return draw_rows(dataset, 24)


@pytest.fixture
def reader(dataset, make_judges):
    return JudgeReader(make_judges(dataset))


def same(left, right):
    torch.testing.assert_close(left, right, rtol=0, atol=0, equal_nan=True)


def test_things_that_should_be_there_must_rank_highest_and_a_further_one_is_not_noticed():
    logits = torch.tensor([[3.0, 2.0, 1.0, 0.0]]).expand(4, -1)
    truths = [ClipTruth(frozenset(objects), 0, None) for objects in ({0}, {0, 1}, {0, 2}, ())]
    same(shows_exactly(logits, truths), torch.tensor([1.0, 1.0, 0.0, NAN]))


def test_verdict_without_a_right_answer_does_not_count():
    same(agree(torch.eye(3), [0, 2, None]), torch.tensor([1.0, 0.0, NAN]))


def test_outputs_are_what_the_networks_say_of_frames_and_clips(reader, rows, dataset):
    batch = clips_of(rows)
    features = reader(batch)
    pixels = batch.clips.float() / 255
    frames = [reader.judges.judge_frames(pixels[:, frame]) for frame in range(4)]
    truths = [ClipTruth.of_clip(row, dataset) for row in rows]
    mean = torch.stack([frame.object_logits for frame in frames]).mean(dim=0)
    same(features["right_object"], shows_exactly(mean, truths))
    same(features["frame_features"], torch.stack([frame.features for frame in frames], dim=1))
    each = torch.stack([shows_exactly(frame.object_logits, truths) for frame in frames]).amin(dim=0)
    counts = torch.tensor([len(row["objects"]) == 1 and "appear" not in row["motions"] for row in rows])
    same(features["every_frame"], torch.where(counts, each, NAN))
    same(features["whole"], features["every_frame"] * features["right_motion"])
    same(features["right_object_and_motion"], features["right_object"] * features["right_motion"])


def test_motion_counts_in_clips_with_one_thing_and_the_spin_of_round_things_can_be_left_out(reader, rows):
    features = reader(clips_of(rows))
    single = [len(row["objects"]) == 1 for row in rows]
    round_spins = [row["motions"] == ("spin",) and row["objects"][0] in ("circle", "ring", "pie") for row in rows]
    assert any(round_spins)
    assert (~features["right_motion"].isnan()).tolist() == single
    without = [one and not spin for one, spin in zip(single, round_spins, strict=True)]
    assert (~features["right_motion_without_round_spin"].isnan()).tolist() == without


def test_every_metric_of_the_judges_has_its_output_and_chance(reader, rows):
    stills = replace(stills_of(rows), references=stills_of(rows).clips)
    features = {**reader(stills), **reader(clips_of(rows))}
    for metric in JUDGE_METRICS:
        if metric.kind == reader.kind:
            assert len(features[metric.output]) == len(rows)
            if metric.chance is not None:
                assert 0 < metric.chance(features).value < 1


def test_batch_size_does_not_change_what_is_read(reader, rows):
    together = reader(stills_of(rows))
    parts = [reader(stills_of(rows[start : start + 5])) for start in range(0, len(rows), 5)]
    for name, values in together.items():
        torch.testing.assert_close(torch.cat([part[name] for part in parts]), values, equal_nan=True)


def test_class_maps_are_compared_with_the_sketch_of_each_sample(reader, rows):
    batch = stills_of(rows)
    counts = reader(batch)["class_counts"]
    drawn = reader.judges.segment(batch.clips[:, 0].float() / 255)
    assert (counts[:, 0].sum(1) == (drawn == batch.sketches[:, 0]).flatten(1).sum(1)).all()
    for sample, (one, sketch) in enumerate(zip(drawn, batch.sketches[:, 0], strict=True)):
        assert torch.equal(counts[sample, 1], one.flatten().bincount(minlength=25))
        assert torch.equal(counts[sample, 2], sketch.flatten().bincount(minlength=25))
    assert torch.equal(reader(batch)["thing_counts"], counts[..., 1:17])


def test_decibels_of_things_do_not_see_the_rest(rows):
    real = clips_of(rows).clips
    masks = torch.stack([torch.from_numpy(row["object_mask"]).bool() for row in rows])[:, :, None]
    outside, inside = torch.where(masks, real, 255 - real), torch.where(masks, real ^ 16, real)
    assert (psnr_things(outside, real, rows) == 100).all()
    # Every pixel of a thing is 16 levels off.
    expected = torch.full((len(rows),), 20 * math.log10(255 / 16))
    torch.testing.assert_close(psnr_things(inside, real, rows), expected)


def test_digest_is_that_of_the_weights_wherever_they_lie(reader, dataset, make_judges, tmp_path):
    for name in ("frame_judge", "clip_judge", "segment_judge"):
        getattr(reader.judges, name).save_pretrained(tmp_path / name)
    assert JudgeReader.open(tmp_path).digest == reader.digest
    assert JudgeReader(make_judges(dataset)).digest != reader.digest


def test_digest_knows_what_equal_pixels_score(reader, monkeypatch):
    monkeypatch.setattr(judge_reader, "BEST_PSNR", 90.0)
    assert JudgeReader(reader.judges).digest != reader.digest


def test_what_cannot_be_judged_is_refused_before_a_sample_is_read(reader):
    stills, clips, longer = (SimpleNamespace(num_frames=count) for count in (1, 4, 5))
    for metric in JUDGE_METRICS:
        reader.check_output(metric.output, clips)
    reader.check_output("right_object", stills)
    with pytest.raises(ValueError, match="`metrics` must be such as a still has, got one that reads 'whole'"):
        reader.check_output("whole", stills)
    with pytest.raises(ValueError, match="`judges` must be trained on clips of 5 frames, got judges of 4 frames"):
        reader.check_output("right_object", longer)
    without = JudgeReader(Judges(reader.judges.frame_judge, reader.judges.clip_judge))
    with pytest.raises(ValueError, match="`judges` must hold segment_judge/"):
        without.check_output("thing_counts", stills)


def test_segment_judge_of_other_classes_is_refused(reader):
    judges = Judges(reader.judges.frame_judge, reader.judges.clip_judge, SegmentJudge(["wall", "cat"], width=4))
    with pytest.raises(ValueError, match="`judges` must know the 25 classes of EmojiMotion's sketches"):
        JudgeReader(judges)
