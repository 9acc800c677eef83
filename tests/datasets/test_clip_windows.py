# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Windows of long clips: a pure function of the arguments, and each of them fits."""

from fractions import Fraction
from itertools import pairwise

import pytest

from nuwa_hf.datasets.clip_windows import ClipWindows


SAMPLING = {"frame_rate": 4, "num_frames": 6}  # 1.5 s


@pytest.mark.parametrize("seconds", [Fraction(13, 10), Fraction(3, 2), Fraction(9, 5), Fraction(10)])
@pytest.mark.parametrize(
    "windows",
    [
        ClipWindows(),
        ClipWindows(clips_per_video=5),
        ClipWindows(stride=0.7),
        ClipWindows(clips_per_video=5, stride=0.7),
        ClipWindows(clips_per_video=5, starts="random"),
        ClipWindows(starts="random"),
    ],
)
def test_every_window_fits_and_a_clip_that_is_long_enough_gives_one_at_least(windows, seconds):
    starts = windows.start_times(seconds, 3, **SAMPLING)
    assert 1 <= len(starts) <= (windows.clips_per_video or 99)
    assert starts == sorted(starts) == windows.start_times(seconds, 3, **SAMPLING)
    assert starts[0] >= 0
    assert starts[-1] == 0 or starts[-1] + Fraction(6, 4) <= seconds
    assert windows.starts == "random" or starts[0] == 0
    assert all(after - before >= Fraction(1, 4) for before, after in pairwise(starts))


def test_random_windows_are_a_frame_apart_in_clips_that_have_hardly_room_for_them():
    for row in range(50):
        starts = ClipWindows(5, starts="random").start_times(Fraction(26, 10), row, **SAMPLING)
        assert len(starts) == 5
        assert 0 <= starts[0] <= starts[-1] <= Fraction(11, 10)
        assert all(after - before >= Fraction(1, 4) for before, after in pairwise(starts))


def test_even_windows_reach_the_end_and_random_ones_depend_on_row_and_seed():
    assert ClipWindows(clips_per_video=3).start_times(Fraction(10), 0, **SAMPLING)[-1] == Fraction(17, 2)
    drawn = {
        tuple(ClipWindows(2, starts="random", seed=seed).start_times(Fraction(10), row, **SAMPLING))
        for seed in (0, 1)
        for row in (0, 1)
    }
    assert len(drawn) == 4


def test_the_smallest_stride_has_starts():
    assert ClipWindows(2, stride=1e-4).start_times(Fraction(10), 0, **SAMPLING) == [0, Fraction(1, 10_000)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clips_per_video": 0}, "`clips_per_video` must be at least 1"),
        *(({"stride": stride}, r"`stride` must be a number of seconds from 0\.0001 on") for stride in (0, 1e-5)),
        ({"starts": "odd"}, "`starts` must be 'even' or 'random'"),
        ({"starts": "random", "stride": 1}, "`stride` must be left out with random `starts`"),
    ],
)
def test_what_makes_no_windows_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClipWindows(**arguments)
