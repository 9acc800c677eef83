# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import pytest

from nuwa_hf.datasets.class_map import sketch_class_names
from nuwa_hf.datasets.scenes import BACKGROUNDS, GROUND_SCENES, PLAIN_COLORS, SKY_SCENES, paint_scene


@pytest.mark.parametrize("calm_step", [None, 4])
@pytest.mark.parametrize("name", BACKGROUNDS)
def test_scene_labels_what_it_paints(name, calm_step):
    for seed in range(5):
        picture, classes = paint_scene(name, np.random.default_rng(seed), size=32, calm_step=calm_step)
        assert (picture.shape, picture.dtype) == ((32, 32, 3), np.uint8)
        assert (classes.shape, classes.dtype) == ((32, 32), np.uint8)
        labels = {sketch_class_names[k] for k in np.unique(classes)}
        if name in PLAIN_COLORS:
            assert labels == {"background"}
        elif name in SKY_SCENES:
            assert labels == {SKY_SCENES[name]}
        else:
            assert labels == {"sky", GROUND_SCENES[name][2]}
            assert sketch_class_names[classes[0, 0]] == "sky"


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_scene_is_a_function_of_the_random_stream(name):
    left, right = (paint_scene(name, np.random.default_rng(3), size=32)[0] for _ in range(2))
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", GROUND_SCENES)
def test_calm_horizon_is_level_and_on_the_grid(name):
    for seed in range(20):
        _, classes = paint_scene(name, np.random.default_rng(seed), size=64, calm_step=4)
        assert (classes == classes[:, :1]).all()
        assert np.argmax(classes[:, 0] != classes[0, 0]) % 4 == 0


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_calm_scenes_are_fewer_than_free_ones(name):
    def count(calm_step):
        scenes = (paint_scene(name, np.random.default_rng(k), size=32, calm_step=calm_step)[0] for k in range(30))
        return len({scene.tobytes() for scene in scenes})

    assert count(None) == 30
    # Stars lie at many places, even on a grid.
    assert name == "night" or count(4) <= 25


def test_unknown_scene_raises_value_error():
    with pytest.raises(ValueError, match="`name`"):
        paint_scene("swamp", np.random.default_rng(0), size=32)
