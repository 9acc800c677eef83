# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""No file is read without bound: neither its frames, nor their pixels, nor the time that they take."""

from time import monotonic

import numpy as np
import pytest
from clip_folders import pictures, save_animation
from test_sources import write_video

from nuwa_hf.media import open_media, write_gif
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_limit import reading_until


ROWS, COLUMNS = 32, 48
COUNT = 12


@pytest.fixture(params=["clip.gif", "clip.png", "clip.webp", "clip.avi", "clip.mp4"])
def path(request, tmp_path):
    frames = pictures(COUNT, 0, (ROWS, COLUMNS))
    path = tmp_path / request.param
    if path.suffix in (".avi", ".mp4"):
        return write_video(path, frames, 10, g="4", bf="0")
    save_animation(frames, path, milliseconds=100)
    return path


def limit(monkeypatch, num_frames):
    for name in ("nuwa_hf.media.pictures.MAX_ANIMATION_PIXELS", "nuwa_hf.media.videos.MAX_VIDEO_PIXELS"):
        monkeypatch.setattr(name, num_frames * ROWS * COLUMNS)


def test_clip_of_too_many_frames_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("nuwa_hf.media.frame_limit.MAX_DECODED_FRAMES", 2)
    write_gif(pictures(3, 0), tmp_path / "clip.gif", fps=4)
    with open_media(tmp_path / "clip.gif") as media, pytest.raises(BrokenMediaError, match="has more than 2 frames"):
        list(media.frames())


def test_clip_of_too_many_pixels_is_refused_and_its_first_frames_are_read(path, monkeypatch):
    limit(monkeypatch, COUNT)
    with open_media(path) as media:
        assert len(list(media.frames())) == COUNT
    limit(monkeypatch, COUNT - 1)
    with open_media(path) as media:
        frames = media.frames()
        assert [next(frames).number for _ in range(COUNT - 2)] == list(range(COUNT - 2))
        with pytest.raises(BrokenMediaError, match=r"has more than [\d,]+ pixels to read, in 12 frames or more"):
            list(frames)


def test_pixels_of_a_video_count_from_the_key_frame_on(tmp_path, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", pictures(COUNT, 0, (ROWS, COLUMNS)), 10, g="4", bf="0")
    limit(monkeypatch, 5)
    with open_media(path) as media:
        assert [media.frame(number).number for number in range(COUNT)] == list(range(COUNT))
        assert [frame.number for frame in media.window(frame_rate=10, num_frames=3, start=0.8)] == [8, 9, 10]


def test_an_animated_png_goes_back_to_its_start_within_the_limit(tmp_path, monkeypatch):
    """Pillow must decode it to its end for that."""
    save_animation(pictures(COUNT, 0, (ROWS, COLUMNS)), tmp_path / "clip.png")
    with open_media(tmp_path / "clip.png") as media:
        first = np.asarray(next(media.frames()).picture())
        assert next(media.frames(start=1)).number == 2
        assert np.array_equal(next(media.frames()).picture(), first)
    limit(monkeypatch, 5)
    with open_media(tmp_path / "clip.png") as media:
        frames = media.frames()
        assert [next(frames).number for _ in range(3)] == [0, 1, 2]
        with pytest.raises(BrokenMediaError, match="pixels to read"):
            next(media.frames())


def test_a_file_that_is_not_read_in_time_is_refused(path):
    with open_media(path) as media:
        with reading_until(monotonic() - 1), pytest.raises(BrokenMediaError, match="takes too long") as error:
            next(media.frames())
        assert error.value.rule == "short enough to be read in time"
    with open_media(path) as media:
        frames = media.frames()
        with reading_until(monotonic() + 100):
            next(frames)
            with reading_until(monotonic() - 1), pytest.raises(BrokenMediaError, match="takes too long"):
                next(frames)
    with open_media(path) as media:
        assert len(list(media.frames())) == COUNT
