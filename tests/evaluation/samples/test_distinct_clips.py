# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import random

from nuwa_hf.datasets.repeated_media import first_places
from nuwa_hf.evaluation.samples.distinct_clips import few_clips, halves_of


def test_halves_have_every_other_sample_where_each_shows_a_clip_of_its_own():
    assert halves_of(first_places([None] * 7)) == ([0, 2, 4, 6], [1, 3, 5])
    assert halves_of(first_places("abcdefg")) == ([0, 2, 4, 6], [1, 3, 5])


def test_halves_share_no_clip_and_have_as_many_of_them_wherever_their_samples_stand():
    keys = [f"{name}.mp4" for name in "abcdefgh" for _ in range(5)]
    for seed in range(10):
        random.Random(seed).shuffle(keys)
        clips = first_places(keys)
        halves = halves_of(clips)
        assert sorted(halves[0] + halves[1]) == list(range(40))
        first, second = ({keys[place] for place in half} for half in halves)
        assert (first & second, len(first), len(second)) == (set(), 4, 4)


def test_fewer_clips_than_samples_are_said():
    assert few_clips("real", first_places([b"a", b"b", None, None])) == []
    assert few_clips("real", first_places([b"a", b"a", None, b"a"])) == ["The 4 real samples show 2 images or clips."]
