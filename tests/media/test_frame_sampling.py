# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frames at a constant rate: those that are shown then, whatever the clip's own times are."""

from fractions import Fraction

import numpy as np
import pytest

from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_sampling import TimedFrame, check_frame_rate, evenly_timed, sample_frames, sample_window


def clip(times, last_duration):
    times = [Fraction(time) for time in times]
    ends = [*times[1:], times[-1] + Fraction(last_duration)]
    return [TimedFrame(k, t, end - t, None) for k, (t, end) in enumerate(zip(times, ends, strict=True))]


def numbers(frames, frame_rate, num_frames):
    return [frame.number for frame in sample_window(frames, frame_rate=frame_rate, num_frames=num_frames)]


def at_rate(rate, count):
    return clip([Fraction(k, rate) for k in range(count)], Fraction(1, rate))


def test_frames_at_the_asked_rate_are_taken_as_they_are():
    assert numbers(at_rate(10, 7), 10, 7) == list(range(7))


def test_a_faster_clip_gives_every_nth_frame_and_a_slower_one_repeats():
    assert numbers(at_rate(25, 100), 2.5, 10) == list(range(0, 100, 10))
    assert numbers(at_rate(2, 3), 4, 6) == [0, 0, 1, 1, 2, 2]  # of two as near the earlier; the last until its end


def test_frames_of_irregular_times_are_those_that_are_shown_or_begin_at_once():
    random = np.random.default_rng(0)
    for _ in range(20):
        gaps = random.integers(1, 40, random.integers(2, 12))
        times = [Fraction(int(time), 50) for time in np.concatenate([[0], gaps.cumsum()])]
        rate = float(random.choice([1, 2.5, 4]))
        found = sample_frames(clip(times, "1/50"), rate)
        for place, frame in enumerate(found):
            asked = place / Fraction(rate)
            is_shown = frame.time <= asked < frame.time + frame.duration
            assert is_shown or 0 < frame.time - asked < min(frame.duration, 1 / Fraction(rate)) / 2


def test_held_frames_are_held_as_long():
    """GIFs store equal frames in a row once; a rule of the nearest frame would end each hold too early."""
    for lengths in ([3, 1], [3, 3], [1, 4, 2], [5, 1, 1, 5]):
        starts = [Fraction(int(start), 4) for start in np.cumsum([0, *lengths[:-1]])]
        held = clip(starts, Fraction(lengths[-1], 4))
        expected = [number for number, length in enumerate(lengths) for _ in range(length)]
        assert [frame.number for frame in sample_frames(held, 4)] == expected


@pytest.mark.parametrize("rate", [5, 24, 25, 30, 60])
def test_sampled_times_are_off_by_half_a_frame_of_the_clip_at_most(rate):
    frames = sample_window(at_rate(rate, 4 * rate), frame_rate=2.5, num_frames=10)
    for place, frame in enumerate(frames):
        assert abs(frame.time - Fraction(place * 2, 5)) <= Fraction(1, 2 * rate)


def test_a_clip_is_long_enough_while_its_last_frame_is_shown():
    assert numbers(at_rate(5, 5), 2.5, 3) == [0, 2, 4]
    assert numbers(clip([0, "1/2"], "1/2"), 2.5, 3) == [0, 1, 1]  # shown until 1.0, and 0.8 is asked
    with pytest.raises(BrokenMediaError, match=r"is too short: 3 frames at 2\.5 a second, where 4 are needed"):
        numbers(clip([0, "1/2"], "1/2"), 2.5, 4)


def test_one_frame_is_the_first_even_of_a_still_image():
    assert numbers(clip([0], 0), 2.5, 1) == [0]
    with pytest.raises(BrokenMediaError, match="is too short: 1 frame at"):
        numbers(clip([0], 0), 2.5, 2)
    with pytest.raises(BrokenMediaError, match="has no frames"):
        numbers([], 2.5, 1)


def test_a_clip_is_read_only_as_far_as_it_is_needed_and_the_same_again():
    frames = iter(at_rate(10, 100))
    first = numbers(frames, 2.5, 3)
    assert next(frames).number == first[-1] + 1
    assert numbers(at_rate(10, 100), 2.5, 3) == numbers(at_rate(10, 9), 2.5, 3) == first


@pytest.mark.parametrize(
    ("rate", "asked", "seconds"), [(24, 2.5, 2), (24, 4, 2), (2.5, 2.5, 4), (30, 7.5, 1), (1, 4, 3)]
)
def test_the_whole_clip_gives_a_frame_for_each_time_before_its_end(rate, asked, seconds):
    frames = list(evenly_timed([None] * round(rate * seconds), rate))
    sampled = list(sample_frames(frames, asked))
    assert len(sampled) == -(-asked * seconds // 1)
    start = list(sample_window(frames, frame_rate=asked, num_frames=len(sampled)))
    assert sampled == start


def test_frames_at_the_asked_rate_without_times_of_their_own_are_all_taken():
    for rate in (2.5, 4, 23.976, 29.97, 1 / 3):
        frames = list(evenly_timed(range(100), rate))
        assert list(sample_frames(frames, rate)) == frames


@pytest.mark.parametrize("rate", [0, -1, 0.001, float("nan"), float("inf"), 1001])
def test_a_rate_that_is_none_is_refused_with_the_remedy(rate):
    with pytest.raises(ValueError, match=r"`fps` must be from 0\.01 to 1000 .* got .*; the paper's is 2\.5"):
        check_frame_rate(rate, "fps")


@pytest.mark.parametrize("rate", ["4", None, True])
def test_what_is_no_number_is_no_rate(rate):
    with pytest.raises(TypeError, match="`frame_rate` must be a number of frames a second, got"):
        check_frame_rate(rate)
