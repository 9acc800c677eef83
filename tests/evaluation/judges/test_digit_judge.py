# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import itertools

import numpy as np
import pytest
import torch

from nuwa_hf.datasets import DigitPack, MovingMNIST
from nuwa_hf.evaluation.judges.digit_finder import (
    CELL,
    IGNORED,
    NOTHING,
    DigitFinderOutput,
    FoundDigits,
    cell_classes,
    read_digits,
)
from nuwa_hf.evaluation.judges.digit_reader import DigitReader
from nuwa_hf.evaluation.judges.digit_tracks import ClipVerdict, judge_clip, motion_of, track_digits
from nuwa_hf.evaluation.judges.train_digit_judge import score_real_clips, train_finder, warp


PACK = DigitPack.drawn()


def found_in(sample):
    """What a judge that is never wrong finds in a real clip; digits come in another order in every second frame."""
    frames = []
    for time in range(len(sample["video"])):
        order = slice(None, None, -1 if time % 2 else 1)
        centres = [tuple(track[time] * 64) for track in sample["track"]]
        frames.append(FoundDigits(sample["digits"][order], tuple(centres[order])))
    return frames


@pytest.mark.parametrize("count", [1, 2])
def test_real_clips_are_right_if_their_digits_are_found(count):
    clips = MovingMNIST(PACK, digit_counts=(count,), split="val")
    for index in range(60):
        sample = clips[index]
        asked = list(zip(sample["digits"], sample["motions"], strict=True))
        assert judge_clip(found_in(sample), asked) == ClipVerdict(True, True, True)


def test_another_digit_and_another_motion_are_wrong_each_for_itself():
    sample = MovingMNIST(PACK, digit_counts=(1,))[0]
    ((digit, motion),) = zip(sample["digits"], sample["motions"], strict=True)
    other = {"left and right": "up and down", "up and down": "left and right"}[motion]
    frames = found_in(sample)
    assert judge_clip(frames, [((digit + 1) % 10, motion)]) == ClipVerdict(False, True, False)
    assert judge_clip(frames, [(digit, other)]) == ClipVerdict(True, False, False)
    turned = [*frames[:-1], FoundDigits(((digit + 1) % 10,), frames[-1].centres)]
    assert judge_clip(turned, [(digit, motion)]) == ClipVerdict(False, True, False)
    assert judge_clip([FoundDigits((), ())] * 10, [(digit, motion)]) == ClipVerdict(False, False, False)


def test_each_of_two_digits_must_have_its_own_motion():
    ways = np.linspace(14, 50, 10)
    frames = [FoundDigits((3, 7), ((way, 14.0), (50.0, way))) for way in ways]
    right, swapped = [(3, "left and right"), (7, "up and down")], [(3, "up and down"), (7, "left and right")]
    assert judge_clip(frames, right) == ClipVerdict(True, True, True)
    assert judge_clip(frames, swapped) == ClipVerdict(True, True, False)


def test_a_digit_that_is_hidden_behind_the_other_is_not_missed_and_one_that_is_gone_is():
    ways = np.linspace(14, 50, 10)
    asked = [(3, "left and right"), (7, "up and down")]
    crossing = [FoundDigits((3, 7), ((way, 32.0), (32.0, way))) for way in ways]
    hidden = [
        frame if abs(way - 32) > 6 else FoundDigits((3,), ((way, 32.0),))
        for way, frame in zip(ways, crossing, strict=True)
    ]
    assert judge_clip(hidden, asked).both
    gone = [FoundDigits((3,), (crossing[0].centres[0],)), *crossing[1:]]
    assert not judge_clip(gone, asked).digits


def test_two_things_are_followed_by_the_way_whose_speeds_change_least():
    random = np.random.default_rng(0)
    for num_frames in (1, 2, 3, 6):
        points = random.uniform(0, 64, (num_frames, 2, 2))
        order = min(2, num_frames - 1)
        every = [(0, *swaps) for swaps in itertools.product((0, 1), repeat=num_frames - 1)]
        ways = [
            np.stack([frame[::-1] if swap else frame for frame, swap in zip(points, way, strict=True)])
            for way in every
        ]
        best = min(ways, key=lambda way: np.abs(np.diff(way, n=order, axis=0)).sum())
        assert np.array_equal(np.stack(track_digits(points), axis=1), best)


def test_two_digits_of_a_long_clip_are_followed():
    ways = np.linspace(14, 50, 60)
    frames = [
        FoundDigits((3, 3), ((way, 14.0), (50.0, way))[:: -1 if place % 3 else 1]) for place, way in enumerate(ways)
    ]
    asked = [(3, "left and right"), (3, "up and down")]
    assert judge_clip(frames, asked) == ClipVerdict(True, True, True)


def test_what_rests_or_moves_aside_has_no_motion():
    assert motion_of(np.full((10, 2), 30.0)) is None
    assert motion_of(np.linspace((14, 14), (50, 50), 10)) is None


def test_digits_are_read_where_cells_say_they_are():
    digits, centres = torch.tensor([[4, -1], [2, 9]]), torch.tensor([[[20.0, 30.0], [0, 0]], [[16.0, 16.0], [48, 40]]])
    classes = cell_classes(digits, centres, 64)
    assert set(classes[0].unique().tolist()) == {IGNORED, 4, NOTHING}
    classes = classes.masked_fill(classes == IGNORED, NOTHING)
    logits = torch.nn.functional.one_hot(classes, NOTHING + 1).movedim(-1, 1).float()
    logits += 1e-3 * torch.rand(logits.shape, generator=torch.Generator().manual_seed(0))
    frames = read_digits(DigitFinderOutput(20 * logits - 10, torch.zeros(2, 1)))
    assert [sorted(frame.digits) for frame in frames] == [[4], [2, 9]]
    np.testing.assert_allclose(frames[0].centres[0], (20, 30), atol=CELL)


def test_centres_go_where_the_warp_takes_the_pixels():
    centres = torch.tensor([[[22.0, 41.0]], [[46.0, 20.0]], [[30.0, 12.0]]])
    frames = torch.zeros(3, 64, 64)
    for frame, ((x, y),) in zip(frames, centres.int().tolist(), strict=True):
        frame[y - 1 : y + 1, x - 1 : x + 1] = 1.0
    warped, moved = warp(frames, centres, torch.Generator().manual_seed(0))
    assert (moved - centres).abs().max() > 1
    middles = torch.arange(64) + 0.5
    mass = warped.sum(dim=(1, 2))
    found = torch.stack([(warped.sum(dim=1) * middles).sum(1), (warped.sum(dim=2) * middles).sum(1)], dim=1)
    torch.testing.assert_close(found / mass[:, None], moved[:, 0], atol=0.15, rtol=0)


def test_a_judge_whose_loss_is_not_finite_stops():
    with pytest.raises(FloatingPointError, match=r"DigitFinder stopped at step \d: `loss` is (nan|inf)"):
        train_finder(MovingMNIST(PACK, length=64), steps=9, batch_size=4, learning_rate=1e30)


def test_a_judge_learns_saves_and_reads_the_same(tmp_path):
    before = torch.get_rng_state()
    finder, log = train_finder(MovingMNIST(PACK, length=64), steps=2, batch_size=4)
    assert torch.equal(torch.get_rng_state(), before)
    assert log["steps"] == 2
    finder.save_pretrained(tmp_path / "digit_finder")
    reader = DigitReader.open(tmp_path)
    assert reader.digest == DigitReader(finder).digest
    scores = score_real_clips(reader, MovingMNIST(PACK, split="val", length=3), batch_size=2)
    assert all(score["samples"] == 3 for score in scores.values())
    with pytest.raises(ValueError, match="train-judges --dataset moving-mnist"):
        DigitReader.open(tmp_path / "digit_finder")
