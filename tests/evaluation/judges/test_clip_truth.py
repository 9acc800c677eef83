# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import math

import pytest

from nuwa_hf.evaluation import ClipTruth


def test_truth_of_a_clip_names_its_classes(make_dataset):
    dataset = make_dataset(two_objects=0.5, motions=("spin", "left", "appear"), sprite_size=8, length=60)
    for index in range(len(dataset)):
        row = dataset[index]
        truth = ClipTruth.of_clip(row, dataset)
        assert {dataset.object_names[place] for place in truth.objects} == set(row["objects"])
        assert dataset.background_names[truth.background] == row["background"]
        assert truth.fades == ("appear" in row["motions"])
        if len(row["objects"]) == 2:
            assert truth.motion is None
            assert not truth.is_round_spin
        else:
            assert dataset.motion_names[truth.motion] == row["motions"][0]
            is_round = row["objects"][0] in ("circle", "ring", "pie")
            assert truth.is_round_spin == (is_round and row["motions"] == ("spin",))


def test_truth_of_a_still_has_no_motion_and_the_things_that_can_be_seen(make_dataset):
    dataset = make_dataset(motions=("appear", "left"), two_objects=0.5, sprite_size=8, length=60)
    seen = set()
    for index in range(len(dataset)):
        row = dataset[index]
        truth = ClipTruth.of_still(row, dataset)
        assert truth.motion is None
        assert truth.objects <= ClipTruth.of_clip(row, dataset).objects
        # The sketch marks a thing exactly where it can be seen; one may lie wholly under another.
        visible = set(row["image_sketch"].flat) & set(row["categories"])
        assert visible <= {row["categories"][row["object_ids"].index(number)] for number in truth.objects}
        seen.add(len(truth.objects))
    assert seen == {0, 1, 2}


def test_guess_is_one_of_all_allowed_answers(make_dataset):
    dataset = make_dataset()
    guesses = ClipTruth(frozenset({0}), 0, 0).guess(dataset)
    assert guesses == pytest.approx(
        {"object": 1 / 10, "background": 1 / 2, "motion": 1 / 4, "object_and_motion": 1 / 40}
    )
    guesses = ClipTruth(frozenset({0, 1}), 0, None).guess(dataset)
    assert guesses["object"] == pytest.approx(1 / 45)
    assert math.isnan(guesses["motion"])
    assert math.isnan(ClipTruth(frozenset(), 0, None).guess(dataset)["object"])


def test_class_that_is_not_known_is_refused(make_dataset):
    row = make_dataset()[0]
    with pytest.raises(ValueError, match="`judges` must know the motions of the data set, got judges of 1 motions"):
        ClipTruth.of_clip(row, make_dataset(motions=("bounce",)))
