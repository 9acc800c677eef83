# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import pytest
import torch

from nuwa_hf.evaluation.samples.hidden_places import hidden_places, places_around, to_pixels


@pytest.mark.parametrize(
    ("kind", "count"), [("half", 32), ("centre", 16), ("five-percent-kept", 61), ("five-percent-hidden", 3)]
)
def test_kind_hides_its_share_of_the_places(kind, count):
    hidden = hidden_places(kind, 4, 8, 8, seed=0)
    assert hidden.flatten(1).sum(1).tolist() == [count] * 4


def test_upper_half_and_middle_are_hidden():
    half, centre = (hidden_places(kind, 1, 8, 8, seed=0)[0] for kind in ("half", "centre"))
    assert half[:4].all()
    assert not half[4:].any()
    assert centre[2:6, 2:6].all()


def test_places_that_are_drawn_depend_on_the_seed_of_the_image_only():
    several = hidden_places("five-percent-hidden", 3, 8, 8, seed=5)
    assert torch.equal(several[2:], hidden_places("five-percent-hidden", 1, 8, 8, seed=7))
    assert not torch.equal(several[0], several[1])


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="`kind` must be one of half"):
        hidden_places("quarter", 1, 8, 8, seed=0)


def test_box_covers_the_thing_and_one_place_around_it():
    mask = torch.zeros(2, 32, 32, dtype=torch.bool)
    mask[0, 9:15, 12:20] = True  # places 2..3 by 3..4 of 4 pixels
    mask[1, 0, 31] = True
    places = places_around(mask, 4)
    expected = torch.zeros(2, 8, 8, dtype=torch.bool)
    expected[0, 1:5, 2:6] = True
    expected[1, 0:2, 6:8] = True
    assert torch.equal(places, expected)


def test_pixels_of_places_pool_back_to_the_places():
    places = torch.rand(3, 4, 5) < 0.5
    pixels = to_pixels(places, 3)
    assert pixels.shape == (3, 12, 15)
    assert torch.equal(pixels[:, ::3, ::3], places)
    assert torch.equal(pixels[:, 2::3, 2::3], places)
