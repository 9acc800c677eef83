# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import dataclasses
import os
import pickle
import subprocess
import sys
import zlib

import numpy as np
import pytest

from nuwa_hf.datasets import (
    CATEGORIES,
    MOTIONS,
    EmojiMotion,
    EmojiMotionSetting,
    SpritePack,
    is_held_out,
    palette,
    sketch_class_names,
)
from nuwa_hf.datasets.captions import place_phrases
from nuwa_hf.datasets.motions import DIRECTIONS
from nuwa_hf.datasets.scenes import BACKGROUNDS
from nuwa_hf.datasets.settings import SETTINGS


FREE = EmojiMotionSetting(size=48, two_objects=0.4)
GRID = dataclasses.replace(SETTINGS["small"], objects=None, two_objects=0.4)
STATES = {"free": FREE, "grid": GRID}
INDICES = range(40)


@pytest.fixture(scope="module")
def pack():
    return SpritePack.drawn_shapes()


@pytest.fixture(scope="module", params=STATES)
def dataset(request, pack):
    return EmojiMotion(pack, setting=STATES[request.param])


@pytest.fixture(scope="module")
def samples(dataset):
    """Some that no test writes into."""
    return [dataset[index] for index in INDICES]


def assert_same(left, right):
    assert left.keys() == right.keys()
    for key in left:
        np.testing.assert_array_equal(left[key], right[key], err_msg=key)


def test_sample_has_the_documented_shapes_and_types(dataset, samples):
    setting = dataset.setting
    frames, side = setting.num_frames, setting.size
    for sample in samples:
        count = len(sample["objects"])
        shapes = {
            "video": ((frames, side, side, 3), np.uint8),
            "sketch": ((frames, side, side), np.uint8),
            "object_mask": ((frames, side, side), np.uint8),
            "image": ((side, side, 3), np.uint8),
            "image_sketch": ((side, side), np.uint8),
            "track": ((count, frames, 3), np.float32),
        }
        for key, (shape, dtype) in shapes.items():
            assert (sample[key].shape, sample[key].dtype) == (shape, dtype), key
        assert isinstance(sample["caption"], str)
        assert isinstance(sample["image_caption"], str)
        assert len(sample["object_ids"]) == len(sample["categories"]) == len(sample["motions"]) == count
        assert tuple(dataset.object_names[k] for k in sample["object_ids"]) == sample["objects"]
        assert set(sample["motions"]) <= set(dataset.motion_names)
        assert sample["background"] in dataset.background_names


def test_same_index_gives_the_same_sample_whatever_was_drawn_before(dataset, pack):
    first = dataset[17]
    for index in range(5):
        dataset[index]
    assert_same(first, dataset[17])
    assert_same(first, EmojiMotion(pack, setting=dataset.setting)[17])


@pytest.mark.processes
def test_another_process_gives_the_same_sample(pack):
    program = (
        "import sys, zlib; from nuwa_hf.datasets import EmojiMotion, EmojiMotionSetting, SpritePack;"
        "dataset = EmojiMotion(SpritePack.drawn_shapes(), setting=EmojiMotionSetting(size=48, two_objects=0.4));"
        "sample = dataset[3]; sys.stdout.write(f\"{sample['caption']}|{zlib.crc32(sample['video'].tobytes())}\")"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    there = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    here = EmojiMotion(pack, setting=FREE)[3]
    assert there.stdout == f"{here['caption']}|{zlib.crc32(here['video'].tobytes())}"


def test_writing_into_a_sample_leaves_later_samples_alone(dataset):
    sample = dataset[4]
    before = {key: np.copy(value) for key, value in sample.items()}
    for key in ("video", "sketch", "image", "image_sketch", "object_mask", "track"):
        sample[key][...] = 0
    assert_same(before, dataset[4])


def test_pickled_data_set_gives_the_same_samples(dataset):
    dataset[0]
    assert_same(dataset[5], pickle.loads(pickle.dumps(dataset))[5])


def test_splits_and_seeds_differ(pack):
    datasets = [
        EmojiMotion(pack, setting=GRID),
        EmojiMotion(pack, setting=GRID, seed=1),
        EmojiMotion(pack, setting=GRID, split="val"),
        EmojiMotion(pack, setting=dataclasses.replace(GRID, motions=MOTIONS), split="zeroshot"),
    ]
    streams = {tuple(dataset[index]["caption"] for index in range(20)) for dataset in datasets}
    assert len(streams) == len(datasets)


@pytest.mark.parametrize("split", ["train", "val", "zeroshot"])
def test_held_out_pairs_are_all_of_zeroshot_and_none_of_the_others(pack, split):
    dataset = EmojiMotion(pack, setting=FREE, split=split)
    for index in INDICES:
        sample = dataset[index]
        for pair in zip(sample["objects"], sample["motions"], strict=True):
            assert is_held_out(*pair) == (split == "zeroshot")


def test_splits_divide_every_pair_between_them(pack):
    train = EmojiMotion(pack, setting=FREE)
    val = EmojiMotion(pack, setting=FREE, split="val")
    zeroshot = EmojiMotion(pack, setting=FREE, split="zeroshot")
    assert train.pairs == val.pairs
    assert not set(train.pairs) & set(zeroshot.pairs)
    assert len(train.pairs) + len(zeroshot.pairs) == len(pack) * len(MOTIONS)


def test_still_frame_is_the_frame_that_it_names(samples):
    for sample in samples:
        np.testing.assert_array_equal(sample["image"], sample["video"][sample["image_index"]])
        np.testing.assert_array_equal(sample["image_sketch"], sample["sketch"][sample["image_index"]])


def test_captions_name_the_objects_and_the_background(samples):
    for sample in samples:
        places = place_phrases(sample["background"])
        for key in ("caption", "image_caption"):
            assert any(place in sample[key] for place in places)
        assert all(noun in sample["caption"] for noun in sample["objects"])
        fades = {"appear", "disappear"} & set(sample["motions"])
        assert fades or all(noun in sample["image_caption"] for noun in sample["objects"])


def test_sketch_marks_a_category_exactly_where_the_object_mask_is_one(dataset, samples):
    for sample in samples:
        thing = (sample["sketch"] > 0) & (sample["sketch"] < len(CATEGORIES))
        np.testing.assert_array_equal(thing, sample["object_mask"] == 1)
        assert sample["object_mask"].max() == 1
        categories = {dataset.pack.categories[dataset.pack.nouns.index(noun)] for noun in sample["objects"]}
        assert set(np.unique(sample["sketch"][thing])) <= categories


def test_sketch_without_stuff_is_zero_outside_the_object_mask(pack):
    with_stuff = EmojiMotion(pack, setting=GRID)
    without = EmojiMotion(pack, setting=dataclasses.replace(GRID, stuff=False))
    for index in INDICES:
        left, right = with_stuff[index], without[index]
        np.testing.assert_array_equal(left["video"], right["video"])
        np.testing.assert_array_equal(left["sketch"] * left["object_mask"], right["sketch"])


def test_scene_does_not_change_outside_the_sprites(samples):
    for sample in samples:
        if {"appear", "disappear"} & set(sample["motions"]):
            continue
        # Soft edges reach at most one pixel beyond the mask where it is cut at one half.
        mask = sample["object_mask"].astype(bool)
        for axis in (1, 2):
            mask = mask | np.roll(mask, 1, axis) | np.roll(mask, -1, axis)
        mask = mask | np.roll(mask, 1, 1) | np.roll(mask, -1, 1) | np.roll(mask, 1, 2) | np.roll(mask, -1, 2)
        for frame in range(1, len(mask)):
            clear = ~(mask[0] | mask[frame])
            difference = np.abs(sample["video"][0][clear].astype(int) - sample["video"][frame][clear])
            assert difference.max(initial=0) <= 8


def test_sprites_stay_inside_the_frame(pack):
    for setting in (FREE, dataclasses.replace(GRID, motions=MOTIONS), dataclasses.replace(FREE, sprite_size=24)):
        dataset = EmojiMotion(pack, setting=setting)
        for index in INDICES:
            x, y, side = np.moveaxis(dataset[index]["track"].astype(np.float64), -1, 0)
            for middle in (x, y):
                assert (middle - side / 2 >= -1e-6).all()
                assert (middle + side / 2 <= 1 + 1e-6).all()


def test_track_tells_where_the_mask_is(pack):
    dataset = EmojiMotion(pack, setting=dataclasses.replace(FREE, objects=("circle", "ring"), two_objects=0.0))
    for index in INDICES:
        sample = dataset[index]
        for mask, (x, y, side) in zip(sample["object_mask"], sample["track"][0] * 48, strict=True):
            if not mask.any():
                continue
            rows, columns = np.nonzero(mask)
            assert abs((rows.min() + rows.max() + 1) / 2 - y) <= 1.5
            assert abs((columns.min() + columns.max() + 1) / 2 - x) <= 1.5
            assert abs(rows.max() + 1 - rows.min() - side) <= 3


def test_corners_lie_on_the_step_grid(pack):
    dataset = EmojiMotion(pack, setting=dataclasses.replace(GRID, motions=MOTIONS))
    for index in INDICES:
        x, y, side = np.moveaxis(dataset[index]["track"].astype(np.float64) * GRID.size, -1, 0)
        for middle in (x, y):
            np.testing.assert_allclose((middle - side / 2) % GRID.position_step, 0, atol=1e-4)


def test_straight_motion_goes_where_its_name_says(dataset):
    setting = dataclasses.replace(dataset.setting, motions=tuple(DIRECTIONS), two_objects=0.0)
    dataset = EmojiMotion(dataset.pack, setting=setting)
    for index in INDICES:
        sample = dataset[index]
        steps = np.diff(sample["track"][0, :, :2], axis=0)
        np.testing.assert_array_equal(np.sign(steps), [DIRECTIONS[sample["motions"][0]]] * len(steps))


def test_no_frame_of_one_moving_thing_equals_the_next_on_the_step_grid(pack):
    dataset = EmojiMotion(pack, setting=dataclasses.replace(GRID, two_objects=0.0))
    for index in range(150):
        assert (np.abs(np.diff(dataset[index]["track"][0, :, :2], axis=0)).max(axis=1) > 0).all()


def test_caption_says_rolls_exactly_when_the_thing_turns(dataset):
    """The outline of a pie shows its angle; an arrow never rolls."""
    setting = dataclasses.replace(
        dataset.setting, objects=("pie", "arrow"), motions=("left", "right"), two_objects=0.0, sprite_size=24
    )
    dataset = EmojiMotion(dataset.pack, setting=setting)
    rolled = []
    for index in INDICES:
        sample = dataset[index]
        shapes = []
        for mask, (x, y, side) in zip(sample["object_mask"], sample["track"][0] * setting.size, strict=True):
            top, left = round(y - side / 2), round(x - side / 2)
            shapes.append(mask[top : top + 24, left : left + 24])
        turned = any(not np.array_equal(shape, shapes[0]) for shape in shapes)
        assert turned == ("roll" in sample["caption"])
        assert not (turned and sample["objects"] == ("arrow",))
        rolled += [turned] if sample["objects"] == ("pie",) else []
    assert 0 < sum(rolled) < len(rolled)


def test_arrow_turns_round_to_go_right(pack):
    """The drawn arrow, a vehicle, points left: its head is the wider half of its mask."""
    setting = dataclasses.replace(
        GRID, objects=("arrow",), motions=("left", "right"), backgrounds=("sea",), two_objects=0.0
    )
    dataset = EmojiMotion(pack, setting=setting)
    for index in range(20):
        sample = dataset[index]
        columns = np.nonzero(sample["object_mask"][0])[1]
        heavier = columns.mean() - (columns.min() + columns.max()) / 2
        assert (heavier > 0) == (sample["motions"] == ("right",))


def test_two_things_in_a_clip_differ(pack):
    dataset = EmojiMotion(pack, setting=dataclasses.replace(GRID, two_objects=1.0))
    for index in INDICES:
        sample = dataset[index]
        assert len(set(sample["objects"])) == 2
        assert " and " in sample["caption"] or " while " in sample["caption"]


def test_thing_does_not_stand_before_a_wall_of_its_own_colour(pack):
    setting = dataclasses.replace(FREE, objects=("circle",), backgrounds=("red", "blue"), two_objects=0.0)
    dataset = EmojiMotion(pack, setting=setting)
    assert {dataset[index]["background"] for index in INDICES} == {"blue"}


def test_calm_scenes_are_few(pack):
    setting = dataclasses.replace(GRID, stuff=True, two_objects=0.0)
    dataset = EmojiMotion(pack, setting=setting)
    scenes = {}
    for index in range(150):
        sample = dataset[index]
        corner = sample["video"][0, :, 0].tobytes() if not sample["object_mask"][0, :, :2].any() else None
        scenes.setdefault(sample["background"], set()).add(corner)
    assert all(len(columns - {None}) <= 5 for columns in scenes.values())


def test_small_128_shows_the_clips_of_small_at_twice_the_size(pack):
    world = {"objects": None, "motions": MOTIONS, "backgrounds": BACKGROUNDS, "two_objects": 0.4}
    small, large = (
        EmojiMotion(pack, setting=dataclasses.replace(SETTINGS[name], **world)) for name in ("small", "small-128")
    )
    for index in INDICES:
        one, two = small[index], large[index]
        for key in ("caption", "image_caption", "image_index", "objects", "motions", "background"):
            assert one[key] == two[key]
        np.testing.assert_array_equal(one["track"], two["track"])
        assert two["video"].shape == (6, 128, 128, 3)
        # Only outlines are drawn anew: a few pixels of a hundred lie on them.
        assert (two["sketch"][:, ::2, ::2] != one["sketch"]).mean() < 0.05
        reduced = two["video"].reshape(6, 64, 2, 64, 2, 3).mean(axis=(2, 4))
        assert np.abs(reduced - one["video"]).mean() < 3


def test_index_out_of_range_raises_index_error(pack):
    dataset = EmojiMotion(pack, setting=FREE, length=3)
    assert len(dataset) == len(list(dataset)) == 3
    for index in (3, -1):
        with pytest.raises(IndexError, match="`index`"):
            dataset[index]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"setting": "medium"}, "`setting`"),
        ({"split": "test"}, "`split`"),
        ({"seed": -1}, "`seed`"),
        ({"length": 0}, "`length`"),
        ({"setting": "small"}, "`objects`"),
        ({"setting": EmojiMotionSetting(objects=("circle",))}, "`two_objects`"),
        (
            {"setting": EmojiMotionSetting(objects=("circle",), motions=("still",)), "split": "zeroshot"},
            "no pair",
        ),
    ],
)
def test_wrong_arguments_raise_value_error(pack, arguments, match):
    with pytest.raises(ValueError, match=match):
        EmojiMotion(pack, **{"setting": FREE, **arguments})


def test_every_sketch_class_has_a_name_and_a_colour_of_its_own():
    assert palette.shape == (25, 3)
    assert palette.dtype == np.uint8
    assert len(sketch_class_names) == len({tuple(color) for color in palette}) == 25


def test_packaged_emoji_give_the_named_settings():
    small = EmojiMotion(setting="small")
    assert (len(small.object_names), len(small.motion_names), len(small.background_names)) == (24, 6, 6)
    assert ("red apple", "left") in small.pairs
    assert small[0]["video"].shape == (6, 64, 64, 3)
    assert EmojiMotion(setting="small-128").pairs == small.pairs
    large = EmojiMotion(setting="large", split="zeroshot")
    assert (len(large.object_names), len(large.motion_names), len(large.background_names)) == (257, 18, 18)
    assert len(large.pairs) == 487
    assert large[0]["video"].shape == (8, 64, 64, 3)
