# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import numpy as np
import pytest

from nuwa_hf.datasets.build_sprite_pack import emoji_table
from nuwa_hf.datasets.sprites import CATEGORIES, SPRITE_SIDE, SpritePack, render_sprite


@pytest.fixture(scope="module")
def pack():
    return SpritePack.drawn_shapes()


def paste(sprite, side):
    """The sprite's alpha on a canvas three times its square."""
    canvas = np.zeros((3 * side, 3 * side), np.float32)
    height, width = sprite.mask.shape
    top, left = side + sprite.top, side + sprite.left
    canvas[top : top + height, left : left + width] = sprite.alpha[..., 0]
    return canvas


def test_packaged_sprites_load_without_pickle():
    pack = SpritePack.load()
    assert pack.sprites.shape == (257, SPRITE_SIDE, SPRITE_SIDE, 4)
    assert len(set(pack.nouns)) == 257
    assert set(pack.categories) == set(range(1, len(CATEGORIES)))


def test_build_table_names_the_packaged_sprites_in_order():
    pack = SpritePack.load()
    rows = emoji_table()
    assert [noun for noun, _, _ in rows] == pack.nouns
    assert [CATEGORIES.index(category) for _, _, category in rows] == list(pack.categories)
    assert len({emoji for _, emoji, _ in rows}) == 257


def test_drawn_shapes_differ_in_noun_colour_and_outline(pack):
    assert len(pack) >= 8
    outlines = {sprite[..., 3].tobytes() for sprite in pack.sprites}
    colors = {tuple(sprite[sprite[..., 3] > 0][:, :3].mean(axis=0).round()) for sprite in pack.sprites}
    assert len(outlines) == len(colors) == len(set(pack.nouns)) == len(pack)


def test_unturned_sprite_stays_inside_its_square(pack):
    for index in range(len(pack)):
        sprite = render_sprite(pack, index, 20, 0, False)
        assert sprite.top >= 0
        assert sprite.left >= 0
        assert sprite.top + sprite.mask.shape[0] <= 20
        assert sprite.left + sprite.mask.shape[1] <= 20


def test_colour_is_premultiplied_and_mask_is_alpha_above_one_half(pack):
    for index in range(len(pack)):
        sprite = render_sprite(pack, index, 24, 45, False)
        assert (sprite.color <= 255 * sprite.alpha + 1e-3).all()
        np.testing.assert_array_equal(sprite.mask, sprite.alpha[..., 0] > 0.5)


def test_quarter_turn_is_clockwise_about_the_middle_of_the_square(pack):
    arrow = pack.nouns.index("arrow")
    unturned = paste(render_sprite(pack, arrow, 32, 0, False), 32) > 0.5
    turned = paste(render_sprite(pack, arrow, 32, 90, False), 32) > 0.5
    expected = np.rot90(unturned, k=-1)
    # The two resampling filters differ along edges only.
    assert (turned != expected).sum() <= 0.12 * expected.sum()


def test_flip_mirrors_the_sprite(pack):
    arrow = pack.nouns.index("arrow")
    plain = paste(render_sprite(pack, arrow, 24, 0, False), 24)
    flipped = paste(render_sprite(pack, arrow, 24, 0, True), 24)
    np.testing.assert_allclose(flipped, plain[:, ::-1], atol=0.02)


def test_load_says_what_a_file_lacks(tmp_path):
    np.savez(tmp_path / "pack.npz", sprites=np.zeros((1, 96, 96, 4), np.uint8))
    with pytest.raises(ValueError, match="build_sprite_pack"):
        SpritePack.load(tmp_path / "pack.npz")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"sprites": np.full((2, 64, 64, 4), 255, np.uint8)}, "`sprites`"),
        ({"sprites": np.full((2, 96, 96, 4), 255.0)}, "`sprites`"),
        ({"sprites": np.zeros((2, 96, 96, 4), np.uint8)}, "opaque"),
        ({"categories": np.array([0, 1], np.uint8)}, "`categories`"),
        ({"categories": np.array([1], np.uint8)}, "`categories`"),
        ({"nouns": ["cat", "cat"]}, "`nouns`"),
    ],
)
def test_parts_that_do_not_agree_raise_value_error(change, match):
    good = {
        "sprites": np.full((2, 96, 96, 4), 255, np.uint8),
        "nouns": ["cat", "dog"],
        "categories": np.array([1, 1], np.uint8),
    }
    SpritePack(**good)
    with pytest.raises(ValueError, match=match):
        SpritePack(**{**good, **change})
