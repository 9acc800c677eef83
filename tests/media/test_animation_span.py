# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What the blocks of an animation tell is what its decoded frames show."""

from fractions import Fraction
from io import BytesIO

import pytest
from clip_folders import pictures

from nuwa_hf.media import open_media
from nuwa_hf.media.animation_span import animation_span
from nuwa_hf.media.errors import BrokenMediaError


DURATIONS = [100, 330, 20, 0, 70, 1500]  # milliseconds; one is not said
KINDS = {"gif": {}, "png": {}, "webp": {"lossless": True}, "avif": {}}


def animation(kind, **options):
    first, *others = pictures(len(DURATIONS), 0, (24, 32))
    file = BytesIO()
    settings = {"duration": DURATIONS, **KINDS[kind], **options}
    said = {name: value for name, value in settings.items() if value is not None}
    first.save(file, kind, save_all=True, append_images=others, **said)
    return file.getvalue()


CASES = [
    *((kind, {}) for kind in KINDS),
    ("gif", {"comment": b"x" * 700, "loop": 0, "disposal": 2}),
    ("gif", {"duration": None}),
    ("png", {"default_image": True}),
]


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_it_is_that_of_the_decoded_frames(kind, options):
    with open_media(animation(kind, **options)) as media:
        *_, last = media.frames()
        span = last.number + 1, last.time + last.duration
        assert (media.count_frames(), media.seconds()) == span
        assert media.told_span() == (None if kind == "avif" else span)


@pytest.mark.parametrize(("kind", "milliseconds", "shown"), [("gif", 10, 100), ("gif", 20, 20), ("png", 10, 10)])
def test_frames_last_as_long_as_players_show_them(kind, milliseconds, shown):
    with open_media(animation(kind, duration=milliseconds)) as media:
        assert {frame.duration for frame in media.frames()} == {Fraction(shown, 1000)}
        assert media.told_span() == (len(DURATIONS), len(DURATIONS) * Fraction(shown, 1000))


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_the_place_in_the_file_stays_so_that_frames_follow(kind):
    with open_media(animation(kind)) as media:
        frames = media.frames()
        before = [next(frames), next(frames)]
        media.told_span()
        after = list(frames)
    with open_media(animation(kind)) as media:
        expected = [frame.picture().tobytes() for frame in media.frames()]
    assert [frame.picture().tobytes() for frame in (*before, *after)] == expected


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_a_file_that_is_cut_off_anywhere_is_refused(kind):
    whole = animation(kind)
    told = animation_span(BytesIO(whole), kind.upper())
    for length in range(12, len(whole) - 8, 5):
        with pytest.raises(BrokenMediaError, match=r"is cut off after \d frames"):
            animation_span(BytesIO(whole[:length]), kind.upper())
    assert animation_span(BytesIO(whole + b"what follows does not count"), kind.upper()) == told
