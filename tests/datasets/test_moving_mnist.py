# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import pytest

from nuwa_hf.datasets import DigitPack, MovingMNIST
from nuwa_hf.datasets.moving_mnist import DIGIT_MOTIONS, caption_of, combinations, read_caption


SPLITS = ("train", "val", "zeroshot")


@pytest.fixture(scope="module")
def pack():
    return DigitPack.drawn()


def test_a_clip_is_a_function_of_split_seed_and_index_alone(pack):
    clips = MovingMNIST(pack, seed=3)
    first = clips[17]
    clips[4]
    for key, value in MovingMNIST(pack, seed=3)[17].items():
        np.testing.assert_array_equal(value, first[key], err_msg=key)
    for other in (MovingMNIST(pack, seed=4), MovingMNIST(pack, seed=3, split="val")):
        assert not np.array_equal(other[17]["video"], first["video"])


def test_a_sample_has_the_documented_shapes_and_its_caption_says_its_truth(pack):
    for index, clips in enumerate(MovingMNIST(pack, split=split) for split in SPLITS):
        sample = clips[index]
        assert sample["video"].shape == (10, 64, 64, 3)
        assert sample["sketch"].shape == sample["object_mask"].shape == (10, 64, 64)
        assert sample["track"].shape == (len(sample["digits"]), 10, 2)
        np.testing.assert_array_equal(sample["image"], sample["video"][sample["image_index"]])
        assert set(np.unique(sample["sketch"])) == {0, *(digit + 1 for digit in sample["digits"])}
        assert read_caption(sample["caption"]) == tuple(zip(sample["digits"], sample["motions"], strict=True))


def test_a_digit_moves_along_its_axis_alone_and_stays_in_the_frame(pack):
    for index in range(20):
        sample = MovingMNIST(pack)[index]
        for motion, track in zip(sample["motions"], sample["track"], strict=True):
            ways = np.abs(np.diff(track, axis=0)).sum(axis=0)
            along = DIGIT_MOTIONS.index(motion)
            assert ways[1 - along] == 0
            assert ways[along] > 0.5
            assert track.min() >= 14 / 64
            assert track.max() <= 50 / 64


@pytest.mark.parametrize("count", [1, 2])
def test_half_of_the_combinations_are_held_out_and_no_other_split_shows_them(pack, count):
    seen, held_out = (set(combinations(count, held_out)) for held_out in (False, True))
    assert len(seen) == len(held_out) == 20**count / 2
    assert not seen & held_out
    for split in SPLITS:
        clips = MovingMNIST(pack, digit_counts=(count,), split=split)
        shown = {read_caption(clips[index]["caption"]) for index in range(40)}
        assert shown <= (held_out if split == "zeroshot" else seen)


def test_a_single_digit_has_one_motion_in_training_and_the_other_one_held_out():
    trained, held_out = (dict(pairs for (pairs,) in combinations(1, flag)) for flag in (False, True))
    assert all(trained[digit] != held_out[digit] for digit in range(10))


def test_what_is_held_out_never_changes():
    assert [DIGIT_MOTIONS.index(motion) for ((_, motion),) in combinations(1, False)] == [1, 0, 1, 0, 1, 1, 1, 1, 0, 1]


def test_handwriting_of_training_is_not_shown_by_the_other_splits(pack):
    for learnt, others in zip(pack.of_split(True), pack.of_split(False), strict=True):
        assert len(learnt)
        assert len(others)
        assert not set(learnt) & set(others)
    test = MovingMNIST(pack, digit_counts=(1,), split="val")
    pictures = {pack.pictures[row].tobytes() for rows in pack.of_split(True) for row in rows}
    for index in range(10):
        sample = test[index]
        x, y = np.rint(sample["track"][0, 0] * 64 - 14).astype(int)
        assert sample["video"][0, y : y + 28, x : x + 28, 0].tobytes() not in pictures


def test_captions_are_those_of_sync_draw():
    pairs = ((3, "left and right"), (7, "up and down"))
    assert caption_of(pairs[:1]) == "digit 3 is moving left and right ."
    assert caption_of(pairs) == "digit 3 is left and right and digit 7 is up and down ."
    with pytest.raises(ValueError, match=r"`caption` must be one of Moving MNIST"):
        read_caption("digit 3 is moving sideways .")


@pytest.mark.parametrize(
    ("options", "words"),
    [({"split": "test"}, "split"), ({"digit_counts": (3,)}, "digit_counts"), ({"seed": -1}, "seed")],
)
def test_a_wrong_argument_is_refused(pack, options, words):
    with pytest.raises(ValueError, match=f"`{words}` must"):
        MovingMNIST(pack, **options)


@pytest.mark.parametrize("options", [{"split": 3}, {"seed": "a"}, {"length": 2.5}, {"digit_counts": 1}, {"pack": "a"}])
def test_arguments_of_other_types_are_refused_by_name(pack, options):
    with pytest.raises(TypeError, match=f"`{next(iter(options))}` must be of type"):
        MovingMNIST(**{"pack": pack, **options})
