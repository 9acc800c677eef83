# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest

from nuwa_hf.datasets import EmojiMotionSetting
from nuwa_hf.datasets.settings import SETTINGS


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"motions": ("left", "sideways")}, "`motions`.*sideways"),
        ({"motions": ()}, "`motions`"),
        ({"motions": ("left", "left")}, "`motions`"),
        ({"backgrounds": ("swamp",)}, "`backgrounds`.*swamp"),
        ({"num_frames": 1}, "`num_frames`"),
        ({"size": 8}, "`size`"),
        ({"size": 62, "position_step": 4, "sprite_size": 24}, "`size`"),
        ({"position_step": 0}, "`position_step`"),
        ({"position_step": 4}, "`sprite_size`"),
        ({"position_step": 4, "sprite_size": 20}, "`sprite_size`"),
        ({"sprite_size": 40}, "`sprite_size`"),
        ({"two_objects": 1.5}, "`two_objects`"),
        ({"roll_step": 50}, "`roll_step`"),
    ],
)
def test_wrong_value_raises_value_error(arguments, match):
    with pytest.raises(ValueError, match=match):
        EmojiMotionSetting(**arguments)


def test_defaults_are_the_large_setting():
    assert SETTINGS["large"] == EmojiMotionSetting()
