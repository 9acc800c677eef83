# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.datasets.motions import DIRECTIONS
from nuwa_hf.evaluation.judges.changed_captions import another_motion, another_thing, change_captions, has_room


@pytest.fixture
def world(make_dataset):
    return make_dataset("val", length=40, two_objects=0.3, size=32, sprite_size=8)


@pytest.fixture
def rows(world):
    return [world[index] for index in range(len(world))]


def test_caption_asks_for_the_thing_of_its_row_in_the_same_place(rows, world):
    changed = change_captions("another-thing", rows, world, seed=1)
    assert changed.places == [place for place, row in enumerate(rows) if len(row["objects"]) == 1]
    for place, prompt, asked in zip(changed.places, changed.prompts, changed.rows, strict=True):
        own, (noun,) = rows[place], asked["objects"]
        assert asked["objects"] != own["objects"]
        assert asked["object_ids"] == (world.object_names.index(noun),)
        assert asked["categories"] == (world.pack.categories[world.pack.nouns.index(noun)],)
        assert asked["background"] == own["background"]
        assert noun in prompt
        # All words but the noun and its article stay.
        assert prompt.split()[-2:] == own["image_caption"].split()[-2:]


def test_every_other_thing_is_drawn_at_some_seed(rows, world):
    row = next(row for row in rows if len(row["objects"]) == 1)
    drawn = {another_thing(row, world, seed=seed)["objects"] for seed in range(400)}
    assert len(drawn) == len(world.object_names) - 1


def test_other_motion_is_one_that_the_thing_does_and_has_room_for(rows, world):
    changed = change_captions("another-motion", rows, world, seed=2)
    assert len(changed.places) > 10
    for place, prompt, asked in zip(changed.places, changed.prompts, changed.rows, strict=True):
        own, (motion,) = rows[place], asked["motions"]
        assert motion != own["motions"][0]
        assert (own["objects"][0], motion) in world.pairs
        assert asked["objects"] == own["objects"]
        right, down = DIRECTIONS[motion]
        x, y, side = own["track"][0, 0]
        assert x - side / 2 + 0.3 * right >= -1e-6
        assert y + side / 2 + 0.3 * down <= 1 + 1e-6
        assert own["objects"][0] in prompt


def test_thing_at_the_border_has_room_only_on_the_other_side():
    assert has_room(0.8, -1, 0.4)
    assert not has_room(0.8, 1, 0.4)
    assert has_room(0.8, 0, 0.4)


def test_a_seed_draws_the_same_change_again_and_belongs_to_the_place(rows, world):
    prompts = change_captions("another-motion", rows, world, seed=3).prompts
    assert prompts == change_captions("another-motion", rows, world, seed=3).prompts
    first = change_captions("another-motion", rows, world, seed=3).places[0]
    assert prompts[0] == another_motion(rows[first], world, seed=3 + first)["caption"]


def test_still_that_shows_nothing_cannot_show_another_thing(make_dataset):
    world = make_dataset(motions=("appear",), length=60, size=16, sprite_size=8)
    empty = next(row for row in map(world.__getitem__, range(60)) if "an empty scene" in row["image_caption"])
    assert another_thing(empty, world, seed=0) is None
    with pytest.raises(
        ValueError, match="`num_samples` must cover a sample whose caption can be changed to another thing"
    ):
        change_captions("another-thing", [empty], world)


def test_unknown_change_is_refused(rows, world):
    with pytest.raises(ValueError, match="`captions` must be own, another-thing, another-motion, got 'another-place'"):
        change_captions("another-place", rows, world)
