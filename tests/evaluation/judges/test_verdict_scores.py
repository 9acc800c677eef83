# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation import (
    Accuracy,
    ClipTruth,
    Verdicts,
    chance,
    score_verdicts,
    wilson_interval,
)


TRUTHS = [
    ClipTruth(frozenset({0}), 0, 0),
    ClipTruth(frozenset({3}), 1, 1, is_round_spin=True),
    ClipTruth(frozenset({1, 4}), 2, None),
    ClipTruth(frozenset({2, 5}), 3, None),
]


def verdicts_of(truths, num_objects=6, num_backgrounds=4, num_motions=3):
    objects = torch.zeros(len(truths), num_objects)
    backgrounds = torch.zeros(len(truths), num_backgrounds)
    motions = torch.zeros(len(truths), num_motions)
    for row, truth in enumerate(truths):
        objects[row, list(truth.objects)] = torch.arange(1.0, 1 + len(truth.objects))
        backgrounds[row, truth.background] = 1
        motions[row, truth.motion or 0] = 1
    return Verdicts(objects, backgrounds, motions, torch.zeros(len(truths), 1), torch.zeros(len(truths), 1))


def test_right_verdicts_score_one_everywhere():
    scores = score_verdicts(verdicts_of(TRUTHS), TRUTHS)
    assert set(scores) == {"object", "background", "motion", "object_and_motion", "motion_without_round_spin"}
    assert all(accuracy.value == 1 for accuracy in scores.values())


def test_verdicts_of_other_clips_score_zero():
    others = [TRUTHS[1], TRUTHS[0], TRUTHS[3], TRUTHS[2]]
    assert all(accuracy.value == 0 for accuracy in score_verdicts(verdicts_of(others), TRUTHS).values())


def test_one_of_two_objects_is_not_enough():
    half_right = [ClipTruth(frozenset({1, 3}), 2, None)]
    assert score_verdicts(verdicts_of(half_right), TRUTHS[2:3])["object"].value == 0


def test_motion_is_scored_on_clips_of_one_object_only():
    scores = score_verdicts(verdicts_of(TRUTHS), TRUTHS)
    assert [scores[name].trials for name in ("object", "background", "motion", "object_and_motion")] == [4, 4, 2, 2]
    assert scores["motion_without_round_spin"].trials == 1
    assert set(score_verdicts(verdicts_of(TRUTHS[2:]), TRUTHS[2:])) == {"object", "background"}


def test_truth_of_a_sample_names_its_classes(make_dataset):
    dataset = make_dataset(two_objects=0.5, motions=("spin", "left"), sprite_size=8, length=40)
    for index in range(len(dataset)):
        sample = dataset[index]
        truth = ClipTruth.from_sample(sample, dataset)
        assert {dataset.object_names[place] for place in truth.objects} == set(sample["objects"])
        assert dataset.background_names[truth.background] == sample["background"]
        if len(sample["objects"]) == 2:
            assert truth.motion is None
            assert not truth.is_round_spin
        else:
            assert dataset.motion_names[truth.motion] == sample["motions"][0]
            is_round = sample["objects"][0] in ("circle", "ring", "pie")
            assert truth.is_round_spin == (is_round and sample["motions"] == ("spin",))


def test_guessing_often_enough_reaches_chance():
    truths = [TRUTHS[0], TRUTHS[2]] * 10_000
    guesses = Verdicts(
        torch.rand(20_000, 6), torch.rand(20_000, 4), torch.rand(20_000, 3), torch.zeros(1), torch.zeros(1)
    )
    expected = chance(truths, num_objects=6, num_backgrounds=4, num_motions=3)
    assert expected["object"] == pytest.approx((1 / 6 + 1 / 15) / 2)
    for name, accuracy in score_verdicts(guesses, truths).items():
        # Four standard deviations of a share of at least 10,000 trials.
        assert accuracy.value == pytest.approx(expected[name], abs=4 * 0.5 / 100)


def test_wilson_interval_equals_the_value_worked_out_by_hand():
    assert wilson_interval(8, 10, z=1.96) == pytest.approx((0.49016, 0.94332), abs=1e-5)


def test_wilson_interval_holds_its_share_and_mirrors():
    for trials in (1, 7, 200):
        for hits in range(trials + 1):
            low, high = wilson_interval(hits, trials)
            assert 0 <= low <= hits / trials <= high + 1e-12 <= 1 + 1e-12
            assert wilson_interval(trials - hits, trials) == pytest.approx((1 - high, 1 - low))


def test_impossible_scores_are_refused():
    with pytest.raises(ValueError, match="`hits` must lie in"):
        Accuracy(0, 0)
    with pytest.raises(ValueError, match="`hits` must lie in"):
        Accuracy(3, 2)
    with pytest.raises(ValueError, match="`truths` must hold one truth for each clip"):
        score_verdicts(verdicts_of(TRUTHS), TRUTHS[:2])
