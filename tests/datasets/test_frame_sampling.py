# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Frames at a constant rate: the nearest in time, whatever the clip's own times are."""

from fractions import Fraction

import numpy as np
import pytest

from nuwa_hf.datasets.frame_sampling import BrokenClipError, TimedFrame, sample_frames


def clip(times, last_duration):
    times = [Fraction(time) for time in times]
    ends = [*times[1:], times[-1] + Fraction(last_duration)]
    return [TimedFrame(k, t, end - t, None) for k, (t, end) in enumerate(zip(times, ends, strict=True))]


def numbers(frames, frame_rate, num_frames):
    return [frame.number for frame in sample_frames(frames, frame_rate=frame_rate, num_frames=num_frames)]


def at_rate(rate, count):
    return clip([Fraction(k, rate) for k in range(count)], Fraction(1, rate))


def test_frames_at_the_asked_rate_are_taken_as_they_are():
    assert numbers(at_rate(10, 7), 10, 7) == list(range(7))


def test_a_faster_clip_gives_every_nth_frame_and_a_slower_one_repeats():
    assert numbers(at_rate(25, 100), 2.5, 10) == list(range(0, 100, 10))
    assert numbers(at_rate(2, 3), 4, 6) == [0, 0, 1, 1, 2, 2]  # of two as near the earlier; the last until its end


def test_the_nearest_frame_is_that_of_a_search_through_all_for_irregular_times():
    random = np.random.default_rng(0)
    for _ in range(20):
        gaps = random.integers(1, 40, random.integers(2, 12))
        times = [Fraction(int(time), 50) for time in np.concatenate([[0], gaps.cumsum()])]
        rate = float(random.choice([1, 2.5, 4]))
        count = int(times[-1] * Fraction(rate)) + 1
        expected = [
            min(range(len(times)), key=lambda k: (abs(times[k] - n / Fraction(rate)), k)) for n in range(count)
        ]
        assert numbers(clip(times, "1/50"), rate, count) == expected


@pytest.mark.parametrize("rate", [5, 24, 25, 30, 60])
def test_sampled_times_are_off_by_half_a_frame_of_the_clip_at_most(rate):
    frames = sample_frames(at_rate(rate, 4 * rate), frame_rate=2.5, num_frames=10)
    for place, frame in enumerate(frames):
        assert abs(frame.time - Fraction(place * 2, 5)) <= Fraction(1, 2 * rate)


def test_a_clip_is_long_enough_while_its_last_frame_is_shown():
    assert numbers(at_rate(5, 5), 2.5, 3) == [0, 2, 4]
    assert numbers(clip([0, "1/2"], "1/2"), 2.5, 3) == [0, 1, 1]  # shown until 1.0, and 0.8 is asked
    with pytest.raises(BrokenClipError, match=r"is too short: 3 frames at 2\.5 a second where 4 are needed"):
        numbers(clip([0, "1/2"], "1/2"), 2.5, 4)


def test_one_frame_is_the_first_even_of_a_still_image():
    assert numbers(clip([0], 0), 2.5, 1) == [0]
    with pytest.raises(BrokenClipError, match="is too short: 1 frames"):
        numbers(clip([0], 0), 2.5, 2)
    with pytest.raises(BrokenClipError, match="has no frames"):
        numbers([], 2.5, 1)


def test_a_clip_is_read_only_as_far_as_it_is_needed_and_the_same_again():
    frames = iter(at_rate(10, 100))
    first = numbers(frames, 2.5, 3)
    assert next(frames).number == first[-1] + 1
    assert numbers(at_rate(10, 100), 2.5, 3) == numbers(at_rate(10, 9), 2.5, 3) == first
