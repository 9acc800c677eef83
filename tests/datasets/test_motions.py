# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import pytest

from nuwa_hf.datasets.motions import DIRECTIONS, MOTIONS, Room, can_roll, draw_rolls, is_mirrored, plan_track
from nuwa_hf.datasets.sprites import CATEGORIES


ROOM = Room(12, 52, 12, 52)
SHORT = Room(12, 52, 12, 24)
WORLDS = [
    {"room": ROOM, "side": 24, "num_frames": 8, "step": 1},
    {"room": ROOM, "side": 24, "num_frames": 6, "step": 4, "roll_step": 60},
    {"room": SHORT, "side": 24, "num_frames": 6, "step": 4, "roll_step": 60},
]


def draw_tracks(motion, count=30, **world):
    return [plan_track(motion, np.random.default_rng(seed), **world) for seed in range(count)]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("motion", MOTIONS)
def test_track_stays_in_its_room(motion, world):
    room, half = world["room"], world["side"] / 2
    for track in draw_tracks(motion, **world):
        overhang = np.maximum(track.side / 2 - half, 0)
        # Free places are rounded to whole pixels: half a pixel may be lost.
        slack = 0.5 if world["step"] == 1 else 1e-9
        assert (track.x - overhang >= room.left - slack).all()
        assert (track.x + overhang <= room.right + slack).all()
        assert (track.y - overhang >= room.top - slack).all()
        assert (track.y + overhang <= room.bottom + slack).all()


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("motion", MOTIONS)
def test_corners_lie_on_the_step_grid(motion, world):
    for track in draw_tracks(motion, **world):
        for middle in (track.x, track.y):
            np.testing.assert_allclose((middle - track.side / 2) % world["step"], 0, atol=1e-9)


@pytest.mark.parametrize("motion", DIRECTIONS)
def test_straight_motion_on_a_grid_has_one_speed(motion):
    for track in draw_tracks(motion, **WORLDS[1]):
        for middle, sign in zip((track.x, track.y), DIRECTIONS[motion], strict=True):
            steps = set(np.diff(middle))
            assert len(steps) == 1
            assert np.sign(steps.pop()) == sign


@pytest.mark.parametrize("motion", ["up", "down"])
def test_straight_motion_in_a_short_room_uses_all_of_it(motion):
    for track in draw_tracks(motion, **WORLDS[2]):
        assert {track.y.min(), track.y.max()} == {SHORT.top, SHORT.bottom}
        assert (np.diff(track.y) * DIRECTIONS[motion][1] >= 0).all()


@pytest.mark.parametrize(("motion", "sign"), [("clockwise", 1), ("counterclockwise", -1)])
def test_circle_turns_the_way_its_name_says(motion, sign):
    for track in draw_tracks(motion, **WORLDS[0]):
        x, y = track.x - track.x.mean(), track.y - track.y.mean()
        # Rows count downwards, so a positive cross product is a clockwise turn.
        assert (np.sign(x[:-1] * y[1:] - y[:-1] * x[1:]) == sign).all()


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("motion", ["bounce", "clockwise", "shake", "right", "left"])
def test_moving_thing_moves_between_every_two_frames(motion, world):
    for track in draw_tracks(motion, **world):
        assert ((np.diff(track.x) != 0) | (np.diff(track.y) != 0)).all()


@pytest.mark.parametrize("world", WORLDS)
def test_only_its_own_quantity_changes_in_a_motion_in_place(world):
    changing = {"grow": "side", "shrink": "side", "spin": "angle", "appear": "opacity", "disappear": "opacity"}
    for motion, quantity in {**changing, "still": None}.items():
        for track in draw_tracks(motion, **world):
            for name in ("x", "y", "side", "angle", "opacity"):
                assert (len(set(getattr(track, name))) > 1) == (name == quantity), (motion, name)


def test_growing_grows_and_shrinking_shrinks():
    for world in WORLDS:
        assert all((np.diff(track.side) >= 0).all() for track in draw_tracks("grow", **world))
        assert all((np.diff(track.side) <= 0).all() for track in draw_tracks("shrink", **world))


def test_rolling_turns_the_way_it_goes_in_steps():
    world = {**WORLDS[1], "rolls": True}
    for track in draw_tracks("right", **world):
        np.testing.assert_array_equal(track.angle, [0, 60, 120, 180, 240, 300])
    for track in draw_tracks("left", **world):
        np.testing.assert_array_equal(track.angle, [0, 300, 240, 180, 120, 60])


def test_only_round_things_roll_and_only_sideways():
    fruit, animal = CATEGORIES.index("fruit"), CATEGORIES.index("animal")
    rng = np.random.default_rng(0)
    assert {motion for motion in MOTIONS if can_roll("red apple", fruit, motion)} == {"left", "right"}
    assert not any(can_roll(noun, fruit, "left") for noun in ("banana", "pineapple"))
    assert not any(draw_rolls("cat", animal, "left", rng) for _ in range(50))
    # 0.6 of 500 draws, within four standard deviations.
    assert 256 <= sum(draw_rolls("red apple", fruit, "left", rng) for _ in range(500)) <= 344


def test_animals_turn_round_exactly_to_go_right():
    animal, bird = CATEGORIES.index("animal"), CATEGORIES.index("bird")
    assert {motion for motion in MOTIONS if is_mirrored("cat", animal, motion)} == {"right", "up_right", "down_right"}
    assert not any(is_mirrored("panda", animal, motion) for motion in MOTIONS)
    assert not any(is_mirrored("penguin", bird, motion) for motion in MOTIONS)


def test_unknown_motion_raises_value_error():
    with pytest.raises(ValueError, match="`motion`"):
        plan_track("sideways", np.random.default_rng(0), room=ROOM, side=24, num_frames=6)
