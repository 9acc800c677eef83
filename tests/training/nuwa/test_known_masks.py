# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Laws of the masks of known places."""

import pytest
import torch

from nuwa_hf.grid import Grid
from nuwa_hf.training.nuwa.known_masks import IMAGE_KINDS, VIDEO_KINDS, first_frames_known, random_known_masks


IMAGE, VIDEO = Grid(1, 5, 4), Grid(3, 4, 5)
SMALL = [Grid(1, 1, 2), Grid(1, 2, 1), Grid(2, 1, 2), Grid(2, 2, 1), Grid(1, 8, 8), Grid(6, 8, 8)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def is_rectangle(mask_HW):
    rows, columns = mask_HW.any(1), mask_HW.any(0)
    is_run = all((line.int().diff().abs().sum() + line[0].int() + line[-1].int()) == 2 for line in (rows, columns))
    return is_run and torch.equal(mask_HW, rows[:, None] & columns[None, :])


def kind_of_image(mask_HW):
    if is_rectangle(mask_HW):
        return "side" if is_rectangle(~mask_HW) else "window"
    return "hole" if is_rectangle(~mask_HW) else "places"


def kind_of_video(mask_THW):
    is_whole = mask_THW.flatten(1).all(1)
    if torch.equal(mask_THW, is_whole[:, None, None].expand_as(mask_THW)):
        return "first frames"
    rest = mask_THW[int(is_whole[0]) :]
    if (rest == rest[0]).all() and is_rectangle(~rest[0]):
        return "first frame and hole" if is_whole[0] else "hole"
    return "places"


@pytest.mark.parametrize("grid", [IMAGE, VIDEO, *SMALL], ids=lambda grid: "x".join(map(str, grid)))
def test_every_mask_has_a_known_and_a_hidden_place(grid):
    masks = random_known_masks(grid, 300, generator())
    assert masks.shape == (300, *grid)
    assert masks.dtype == torch.bool
    assert masks.flatten(1).any(1).all()
    assert (~masks.flatten(1)).any(1).all()


def test_masks_are_a_pure_function_of_the_generator():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, again, other = (random_known_masks(VIDEO, 20, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_images_show_each_kind_about_equally_often():
    """On a large grid no kind can be mistaken for another, but for a rectangle that reaches both sides: a cut."""
    masks = random_known_masks(Grid(1, 20, 20), 2000, generator())
    kinds = [kind_of_image(mask[0]) for mask in masks]
    counts = [kinds.count(kind) for kind in ("side", "window", "hole", "places")]
    assert sum(counts) == 2000
    assert len(IMAGE_KINDS) == 4
    # Five standard deviations are 97; about one rectangle in a hundred and seven counts as a cut.
    assert all(abs(count - 500) < 110 for count in counts), counts


def test_videos_show_each_kind_about_equally_often():
    masks = random_known_masks(Grid(4, 6, 6), 2000, generator())
    kinds = [kind_of_video(mask) for mask in masks]
    counts = [kinds.count(kind) for kind in ("first frames", "hole", "first frame and hole", "places")]
    assert sum(counts) == 2000
    assert len(VIDEO_KINDS) == 4
    # Five standard deviations are 97; one hole in 441 hides all but the first frame, or nothing and is drawn again.
    assert all(abs(count - 500) < 100 for count in counts), counts


def test_known_first_frames_are_from_one_to_all_but_the_last():
    masks = random_known_masks(Grid(4, 6, 6), 1000, generator())
    counts = [int(mask.flatten(1).all(1).sum()) for mask in masks if kind_of_video(mask) == "first frames"]
    assert sorted(set(counts)) == [1, 2, 3]


def test_a_cut_of_an_image_falls_on_both_axes_and_leaves_any_side():
    masks = random_known_masks(Grid(1, 20, 20), 1000, generator())
    sides = [mask[0] for mask in masks if kind_of_image(mask[0]) == "side"]
    corners = {(bool(m[0, 0]), bool(m[0, -1]), bool(m[-1, 0]), bool(m[-1, -1])) for m in sides}
    top, left = (True, True, False, False), (True, False, True, False)
    assert {top, left, tuple(not c for c in top), tuple(not c for c in left)} <= corners


def test_the_share_of_single_places_reaches_from_five_to_ninety_five_percent():
    masks = random_known_masks(Grid(1, 20, 20), 1200, generator())
    shares = torch.tensor([m.float().mean().item() for m in masks if kind_of_image(m[0]) == "places"])
    assert 0.02 < shares.min() < 0.12
    assert 0.88 < shares.max() < 0.98
    assert shares.mean().item() == pytest.approx(0.5, abs=0.08)  # five standard deviations of the mean of 300


def test_first_frames_are_known_and_no_others():
    masks = first_frames_known(VIDEO, torch.tensor([0, 1, 3]))
    assert masks.shape == (3, *VIDEO)
    assert masks.all(-1).all(-1).tolist() == [[False] * 3, [True, False, False], [True] * 3]
    assert masks.any(-1).any(-1).tolist() == masks.all(-1).all(-1).tolist()


@pytest.mark.parametrize("grid", [Grid(1, 1, 1), Grid(3, 1, 1)])
def test_a_frame_of_one_place_is_refused(grid):
    with pytest.raises(ValueError, match="`grid` must have at least 2 places in a frame"):
        random_known_masks(grid, 1, generator())
