# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.datasets.motions import DIRECTIONS
from nuwa_hf.evaluation.tasks.changed_captions import another_motion, another_object, has_room
from nuwa_hf.evaluation.tasks.real_samples import RealSamples


@pytest.fixture
def world(make_dataset):
    return make_dataset("val", length=40, two_objects=0.3, size=32, sprite_size=8)


@pytest.fixture
def real(world):
    return RealSamples.draw(world, 40)


def test_caption_asks_for_the_thing_of_its_truth_in_the_same_place(real, world):
    for sample, truth in zip(real.samples, real.image_truths, strict=True):
        change = another_object(sample, truth, world, seed=1)
        if len(sample["objects"]) == 2:
            assert change is None
            continue
        (new,) = change.truth.objects
        assert new not in truth.objects
        assert world.object_names[new] in change.caption
        assert change.truth.background == truth.background
        # All words but the noun and its article stay.
        assert sample["image_caption"].split()[-2:] == change.caption.split()[-2:]


def test_every_other_thing_is_drawn_at_some_seed(real, world):
    place = next(place for place, sample in enumerate(real.samples) if len(sample["objects"]) == 1)
    sample, truth = real.samples[place], real.image_truths[place]
    drawn = {another_object(sample, truth, world, seed=seed).truth.objects for seed in range(400)}
    assert len(drawn) == len(world.object_names) - 1


def test_other_motion_is_one_that_the_thing_does_and_has_room_for(real, world):
    found = 0
    for sample, truth in zip(real.samples, real.truths, strict=True):
        change = another_motion(sample, truth, world, seed=2)
        if change is None:
            continue
        found += 1
        motion = world.motion_names[change.truth.motion]
        assert change.truth.motion != truth.motion
        assert (sample["objects"][0], motion) in world.pairs
        assert change.truth.objects == truth.objects
        right, down = DIRECTIONS[motion]
        x, y, side = sample["track"][0, 0]
        assert x - side / 2 + 0.3 * right >= -1e-6
        assert y + side / 2 + 0.3 * down <= 1 + 1e-6
        assert sample["objects"][0] in change.caption
    assert found > 10


def test_thing_at_the_border_has_room_only_on_the_other_side():
    assert has_room(0.8, -1, 0.4)
    assert not has_room(0.8, 1, 0.4)
    assert has_room(0.8, 0, 0.4)


def test_a_seed_draws_the_same_change_again(real, world):
    for sample, truth in zip(real.samples[:5], real.truths, strict=False):
        assert another_motion(sample, truth, world, seed=3) == another_motion(sample, truth, world, seed=3)
