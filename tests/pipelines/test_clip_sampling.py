# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Pipelines take the frames of a clip that training took of it, and of a long one the part that the task says."""

import logging
from fractions import Fraction

import av
import numpy as np
import PIL.Image
import pytest
import torch
from tiny import FRAME_RATE, FRAME_SIZE, VISUAL_GRID, seeded, tiny_inputs, tiny_pipeline

from nuwa_hf.datasets.captioned_media import ClipReader
from nuwa_hf.datasets.find_columns import Columns
from nuwa_hf.media import write_gif, write_mp4
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.video_input import prepare_videos


WIDTH, HEIGHT = FRAME_SIZE
FRAMES = VISUAL_GRID[0]


def clip(num_frames, size=(32, 40)):
    """Frames of one colour each, whose red goes up by five."""
    colors = [(5 * place, 250 - 5 * place, 40 * (place % 6)) for place in range(num_frames)]
    return [PIL.Image.new("RGB", (size[1], size[0]), color) for color in colors]


def numbers(pixels):
    """Which frames of `clip` these are."""
    return [round(float(frame[0, 0, 0]) * 255 / 5) for frame in pixels]


def prepare(video, sampler=None):
    return prepare_videos(video, height=HEIGHT, width=WIDTH, sampler=sampler or ClipSampler(2.5)).pixels[0]


def save(kind, path):
    if kind.startswith("gif"):
        durations = {"gif of odd times": [100, 300, 100, 40, 2000], "gif": 40}[kind]
        first, *others = clip(5 if isinstance(durations, list) else 45)
        first.save(path.with_suffix(".gif"), save_all=True, append_images=others, duration=durations)
        return path.with_suffix(".gif")
    if kind == "16-bit png":
        levels = np.random.default_rng(0).integers(0, 65536, (32, 40), dtype=np.uint16)
        PIL.Image.fromarray(levels).save(path.with_suffix(".png"))
        return path.with_suffix(".png")
    if kind == "transparent png":
        levels = np.random.default_rng(0).integers(0, 256, (32, 40, 4), dtype=np.uint8)
        frames = [PIL.Image.fromarray(np.roll(levels, place, 0)) for place in range(8)]
        frames[0].save(path.with_suffix(".png"), save_all=True, append_images=frames[1:], duration=130)
        return path.with_suffix(".png")
    write_mp4(clip(48), path.with_suffix(".mp4"), fps=float(kind.split()[1]))
    return path.with_suffix(".mp4")


@pytest.mark.parametrize("frame_rate", [2.5, 4, 12])
@pytest.mark.parametrize(
    "kind", ["mp4 24", "mp4 29.97", "mp4 2.5", "gif", "gif of odd times", "transparent png", "16-bit png"]
)
def test_pipelines_and_data_sets_take_the_same_frames(tmp_path, kind, frame_rate):
    path = save(kind, tmp_path / "clip")
    given = prepare(path, ClipSampler(frame_rate))
    reader = ClipReader(Columns("video", "text"), HEIGHT, WIDTH, len(given), frame_rate)
    learnt = next(reader.read(0, {"video": str(path), "text": "a clip"}))["video"]
    assert np.array_equal((given * 255).round().byte().permute(0, 2, 3, 1), learnt)


def test_two_seconds_of_24_frames_a_second_are_five_frames_at_the_papers_rate(tmp_path):
    write_mp4(clip(48), tmp_path / "clip.mp4", fps=24)
    assert numbers(prepare(tmp_path / "clip.mp4")) == [0, 10, 19, 29, 38]
    array = np.stack([np.asarray(frame) for frame in clip(48)])
    for frames in (array, torch.from_numpy(array).permute(0, 3, 1, 2), clip(48)):
        assert numbers(prepare(frames, ClipSampler(2.5, 24))) == [0, 10, 19, 29, 38]
        assert numbers(prepare(frames)) == list(range(48))


def test_frames_given_one_by_one_are_sampled_once(tmp_path):
    """Pictures and files were sampled each alone and then together: four at 2 a second were 16 at 4, not 8."""
    pictures = clip(4, (HEIGHT, WIDTH))
    paths = [tmp_path / f"{place}.png" for place in range(4)]
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path)
    array = np.stack([np.asarray(picture) for picture in pictures])
    forms = [array, torch.from_numpy(array).permute(0, 3, 1, 2), list(array), pictures, paths, [pictures], [paths]]
    for form in forms:
        assert numbers(prepare(form, ClipSampler(4, 2))) == [0, 0, 1, 1, 2, 2, 3, 3]
    for form in (array[1], pictures[1], paths[1]):
        assert numbers(prepare(form, ClipSampler(4, 2))) == [1]


def test_a_rate_that_is_given_stands_for_the_times_of_a_file(tmp_path):
    write_gif(clip(6), tmp_path / "clip.gif", fps=10)
    assert numbers(prepare(tmp_path / "clip.gif")) == [0, 4]
    assert numbers(prepare(tmp_path / "clip.gif", ClipSampler(2.5, 2.5))) == list(range(6))


@pytest.mark.parametrize("fps", [1, 2.5, 4, 6, 7, 23.976, 25])
@pytest.mark.parametrize("write", [write_gif, write_mp4])
def test_what_is_written_at_a_rate_is_read_at_it(tmp_path, write, fps):
    path = tmp_path / ("clip.gif" if write is write_gif else "clip.mp4")
    write(clip(20), path, fps=fps)
    assert numbers(prepare(path, ClipSampler(fps))) == list(range(20))


@pytest.mark.parametrize("form", ["file", "list", "array"])
def test_a_clip_too_long_is_cut_where_the_task_says_with_a_warning(tmp_path, caplog, form):
    frames = clip(20)
    if form == "file":
        write_mp4(frames, tmp_path / "clip.mp4", fps=4)
        frames = tmp_path / "clip.mp4"
    elif form == "array":
        frames = np.stack([np.asarray(frame) for frame in frames])
    assert numbers(prepare(frames, ClipSampler.first_frames(4, None, 6))) == [0, 1, 2, 3, 4, 5]
    assert "its first 6 frames at 4 a second: 14 frames after them (3.5 s) are left out" in caplog.text
    caplog.clear()
    assert numbers(prepare(frames, ClipSampler.last_frames(4, None, 6, 6))) == [17, 18, 19]
    assert "its last 3 frames at 4 a second: 17 frames before them (4.25 s) are left out" in caplog.text
    caplog.clear()
    assert numbers(prepare(frames, ClipSampler.last_frames(4, None, 21, 6))) == list(range(20))
    assert not [record for record in caplog.records if "left out" in record.message]


@pytest.mark.parametrize("kind", ["gif", "mp4"])
def test_a_frame_that_is_held_long_is_cut_like_a_long_clip(tmp_path, caplog, kind):
    frames = clip(4)
    if kind == "gif":
        frames[0].save(
            tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=[250, 250, 250, 60_000]
        )
        length = 243
    else:  # a day passes before the last frame
        with av.open(str(tmp_path / "clip.mp4"), "w") as file:
            stream = file.add_stream("libx264", rate=4)
            stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
            for time, frame in zip((0, 1, 2, 4 * 86_400), frames, strict=True):
                picture = av.VideoFrame.from_image(frame)
                picture.pts, picture.time_base = time, Fraction(1, 4)
                file.mux(stream.encode(picture))
            file.mux(stream.encode())
        length = 4 * 86_400 + 1
    held = {"gif": 3, "mp4": 2}[kind]
    first = prepare(tmp_path / f"clip.{kind}", ClipSampler.first_frames(4, None, 6))
    assert numbers(first) == [0, 1, 2, held, held, held]
    assert f"{length - 6} frames after them" in caplog.text
    assert numbers(prepare(tmp_path / f"clip.{kind}", ClipSampler.last_frames(4, None, 6, 6)))[-1] == 3
    assert f"{length - 3} frames before them" in caplog.text


@pytest.mark.parametrize("given_rate", [None, 4])
@pytest.mark.parametrize("ending", ["gif", "png", "mp4"])
def test_what_is_only_counted_is_not_decoded(tmp_path, caplog, ending, given_rate):
    path, frames = tmp_path / f"clip.{ending}", clip(20)
    if ending == "mp4":
        write_mp4(frames, path, fps=4)
        with av.open(str(path)) as file:
            last = [packet for packet in file.demux(video=0) if packet.size][-1]
            place, size = last.pos, last.size
    else:
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=250)
        head, skipped, size = {"gif": (b"\x2c\0\0", 22, 1), "png": (b"fdAT", 8, 6)}[ending]  # before its pixels
        place = path.read_bytes().rindex(head) + skipped
    data = bytearray(path.read_bytes())
    data[place : place + size] = b"\xff" * size
    path.write_bytes(data)
    assert numbers(prepare(path, ClipSampler.first_frames(4, given_rate, 6))) == [0, 1, 2, 3, 4, 5]
    assert "its first 6 frames at 4 a second: 14 frames after them (3.5 s) are left out" in caplog.text
    with pytest.raises(ValueError, match="`video` must be whole and readable"):
        prepare(path, ClipSampler.first_frames(4, given_rate, 20))


@pytest.mark.parametrize("form", ["avi", "avif", "picture"])
def test_what_cannot_be_counted_without_decoding_is_left_out_without_a_number(tmp_path, caplog, form):
    frames = clip(20)
    if form == "avi":
        with av.open(str(tmp_path / "clip.avi"), "w") as file:
            stream = file.add_stream("ffv1", rate=4)
            stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "bgr0"
            for frame in frames:
                file.mux(stream.encode(av.VideoFrame.from_image(frame)))
            file.mux(stream.encode())
    else:
        ending = {"avif": "avif", "picture": "gif"}[form]
        options = {"save_all": True, "append_images": frames[1:], "duration": 250}
        frames[0].save(tmp_path / f"clip.{ending}", **options)
    (path,) = tmp_path.iterdir()
    sampler = ClipSampler.first_frames(4, None, 6)
    if form == "picture":
        with PIL.Image.open(path) as picture:
            assert numbers(prepare(picture, sampler)) == [0, 1, 2, 3, 4, 5]
    else:
        assert len(prepare(path, sampler)) == 6
    assert "its first 6 frames at 4 a second: all that comes after them is left out" in caplog.text


def test_tasks_cut_long_clips_and_say_so(caplog):
    array = np.stack([np.asarray(frame) for frame in clip(8, (HEIGHT, WIDTH))])
    predict, edit = tiny_pipeline("V2V"), tiny_pipeline("TV2V")
    with caplog.at_level(logging.WARNING, logger="nuwa_hf"):
        frames = predict(array, generator=seeded(0), output_type="np").frames[0]
        assert len(frames) == FRAMES
        assert np.allclose(frames[0], array[-1] / 255)  # three positions: one is given, two are drawn
        assert len(predict(array, num_frames=9, generator=seeded(0)).frames[0]) == 9
        given = {**tiny_inputs("TV2V"), "video": array, "mask": None, "generator": seeded(0)}
        assert len(edit(**given).frames[0]) == FRAMES
        moving = np.zeros((8, HEIGHT, WIDTH), bool)
        moving[:, : HEIGHT // 2] = True
        assert len(edit(**{**given, "mask": moving, "num_frames": 5}).frames[0]) == 5
        assert len(edit(**{**given, "num_frames": 8}).frames[0]) == 8
    assert sum("left out" in record.message for record in caplog.records) == 3


def test_a_fast_clip_that_makes_one_frame_is_refused_by_the_rate_that_counts():
    """Five frames were called one without a word of why."""
    given = {**tiny_inputs("TV2V", num_frames=5), "mask": None, "frame_rate": 24}
    with pytest.raises(ValueError, match=rf"got 1 at the checkpoint's {FRAME_RATE} frames a second; give a longer"):
        tiny_pipeline("TV2V")(**given)


def test_a_sampler_of_several_batches_tells_of_each_clip_once(caplog):
    """Each batch repeated the warnings of those before it, and counted as cut after one that was."""
    size = {"height": HEIGHT, "width": WIDTH, "sampler": ClipSampler.first_frames(4, None, 6)}
    are_cut = [prepare_videos(clip(length, (HEIGHT, WIDTH)), **size).is_cut for length in (8, 3, 10)]
    assert are_cut == [True, False, True]
    first, second = (record.message for record in caplog.records if "left out" in record.message)
    assert "2 frames after" in first
    assert "4 frames after" in second


def test_memory_does_not_grow_with_the_frames_that_are_not_used():
    alive, most = set(), 0

    class Counted:
        def __init__(self, number):
            nonlocal most
            alive.add(number)
            most, self.number = max(most, len(alive)), number

        def __del__(self):
            alive.discard(self.number)

    sampler = ClipSampler.last_frames(FRAME_RATE, 24, 6, 6)
    frames = sampler.untimed((lambda number=number: number) for number in range(5000))
    assert len(sampler.take(frames, Counted, "video")) == 3
    assert most <= 8


@pytest.mark.parametrize("task", ["V2V", "TV2V", "S2V"])
def test_a_bad_frame_rate_is_refused_before_any_work(task):
    with pytest.raises(ValueError, match=r"`frame_rate` must be from 0\.01"):
        tiny_pipeline(task)(**{**tiny_inputs(task), "frame_rate": 0})
