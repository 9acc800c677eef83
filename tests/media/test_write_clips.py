# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import os
import subprocess
import sys
import time

import av
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from av.video.reformatter import ColorRange, Colorspace
from PIL.ImageFont import load_default

from nuwa_hf.media import (
    caption_fonts,
    contact_sheet,
    enlarge,
    open_media,
    write_apng,
    write_gif,
    write_image,
    write_mp4,
    write_png,
    written_aside,
)
from nuwa_hf.media.frame_sampling import exact_rate
from nuwa_hf.media.whole_files import remove_left_aside


WRITERS = {"gif": write_gif, "mp4": write_mp4, "png": write_apng}


def noise_clip(num_frames=5, size=(20, 16)):
    rng = np.random.default_rng(0)
    return [
        PIL.Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)) for _ in range(num_frames)
    ]


def flat_clip(num_frames=4, size=(32, 16)):
    return [PIL.Image.new("RGB", size, (60 * number, 200, 40)) for number in range(num_frames)]


@pytest.mark.parametrize("num_frames", [1, 2, 7])
def test_gif_reads_back_with_every_frame(tmp_path, num_frames):
    write_gif(noise_clip(num_frames), tmp_path / "clip.gif", fps=5)
    with PIL.Image.open(tmp_path / "clip.gif") as image:
        assert (image.n_frames, image.size) == (num_frames, (20, 16))
        if num_frames > 1:
            assert image.info["duration"] == 200
        assert image.info["loop"] == 0


def test_gif_keeps_few_colours_exactly(tmp_path):
    clip = flat_clip()
    write_gif(clip, tmp_path / "clip.gif", fps=4)
    with PIL.Image.open(tmp_path / "clip.gif") as image:
        for number, frame in enumerate(clip):
            image.seek(number)
            assert np.array_equal(image.convert("RGB"), frame)


def test_gif_that_stands_still_plays_as_long(tmp_path):
    write_gif([flat_clip(1)[0]] * 3, tmp_path / "clip.gif", fps=10)
    with PIL.Image.open(tmp_path / "clip.gif") as image:
        total = 0
        for number in range(image.n_frames):
            image.seek(number)
            total += image.info["duration"]
    assert total == 300


@pytest.mark.parametrize("num_frames", [1, 2, 7])
def test_mp4_reads_back_with_every_frame(tmp_path, num_frames):
    write_mp4(noise_clip(num_frames), tmp_path / "clip.mp4", fps=5)
    with av.open(str(tmp_path / "clip.mp4")) as file:
        frames = list(file.decode(video=0))
        assert file.streams.video[0].average_rate == 5
    assert [(frame.width, frame.height) for frame in frames] == [(20, 16)] * num_frames


def test_mp4_shows_the_colours_in_order(tmp_path):
    clip = flat_clip()
    write_mp4(clip, tmp_path / "clip.mp4", fps=4)
    with av.open(str(tmp_path / "clip.mp4")) as file:
        for frame, expected in zip(file.decode(video=0), clip, strict=True):
            difference = np.abs(frame.to_ndarray(format="rgb24").astype(int) - np.asarray(expected).astype(int))
            assert difference.max() <= 6  # YUV 4:2:0 at 8 bits rounds


@pytest.mark.parametrize("kind", ["gif", "mp4"])
@pytest.mark.parametrize(
    ("frames", "fps", "message"),
    [
        ([], 4, "at least one frame"),
        ([PIL.Image.new("RGB", (4, 4)), PIL.Image.new("RGB", (4, 6))], 4, "one size"),
        ([PIL.Image.new("RGB", (4, 4))], 0, "from 0.01"),
        ([PIL.Image.new("RGB", (4, 4))], float("nan"), "from 0.01 to 1000 frames a second, got nan"),
    ],
)
def test_bad_clip_is_refused_and_nothing_written(tmp_path, kind, frames, fps, message):
    with pytest.raises(ValueError, match=message):
        WRITERS[kind](frames, tmp_path / f"clip.{kind}", fps=fps)
    assert not list(tmp_path.iterdir())


def test_an_mp4_names_its_colours_and_they_come_back(tmp_path):
    colors = np.array(
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [128, 128, 128], [200, 100, 50]], np.uint8
    )
    picture = PIL.Image.fromarray(colors[None].repeat(32, 0).repeat(32, 1))
    write_mp4([picture, picture], tmp_path / "clip.mp4", fps=4)
    with av.open(str(tmp_path / "clip.mp4")) as file:
        of_file = file.streams.video[0].codec_context
        tags = of_file.colorspace, of_file.color_range, of_file.color_primaries, of_file.color_trc
        luma = next(file.decode(video=0)).to_ndarray()[16, 16:192:32].astype(int)
    assert tags == (Colorspace.ITU709, ColorRange.MPEG, 1, 1)  # of BT.709, as FFmpeg numbers them
    assert np.abs(luma - (16 + 219 / 255 * colors @ [0.2126, 0.7152, 0.0722])).max() <= 1
    with open_media(tmp_path / "clip.mp4") as media:
        read = np.asarray(next(media.frames()).picture())[16, 16:192:32].astype(int)
    assert np.abs(read - colors).max() <= 2


def test_gif_that_stands_still_longer_than_the_format_can_say_is_refused(tmp_path):
    still, others = flat_clip(1) * 7, noise_clip(7, size=(32, 16))
    write_gif(others, tmp_path / "clip.gif", fps=0.01)
    write_gif(still[:6], tmp_path / "still.gif", fps=0.01)
    for clip in (still, [*others, *still]):
        with pytest.raises(ValueError, match=r"equal for at most 655.35 seconds in a row, got 700.0; write an MP4"):
            write_gif(clip, tmp_path / "longer.gif", fps=0.01)
    assert not (tmp_path / "longer.gif").exists()


def test_gif_faster_than_players_show_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at most 50"):
        write_gif(noise_clip(), tmp_path / "clip.gif", fps=60)


def test_mp4_of_odd_size_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ValueError, match="even width and height, got 5x4; `enlarge`"):
        write_mp4([PIL.Image.new("RGB", (5, 4))], tmp_path / "clip.mp4", fps=4)


@pytest.mark.parametrize("fps", [2.5, 3, 30000 / 1001])
def test_animated_png_keeps_every_pixel_frame_and_time(tmp_path, fps):
    moving, still = noise_clip(3, (7, 5)), noise_clip(1, (7, 5))
    for clip in (moving, still, [moving[0], moving[0], moving[1], moving[1]], still * 3):
        write_apng(clip, tmp_path / "clip.png", fps=fps)
        with open_media(tmp_path / "clip.png") as media:
            frames = list(media.frames())
        assert np.array_equal([frame.picture() for frame in frames], clip)
        if len(clip) > 1:  # one frame is a still image
            assert [frame.time for frame in frames] == [number / exact_rate(fps) for number in range(len(clip))]
            assert {frame.duration for frame in frames} == {1 / exact_rate(fps)}


@pytest.mark.parametrize("kind", WRITERS)
def test_unwritable_path_leaves_nothing(tmp_path, kind):
    (tmp_path / f"taken.{kind}").mkdir()
    with pytest.raises(OSError, match="taken"):
        WRITERS[kind](noise_clip(), tmp_path / f"taken.{kind}", fps=4)
    with pytest.raises(OSError, match="missing"):
        WRITERS[kind](noise_clip(), tmp_path / "missing" / f"clip.{kind}", fps=4)
    assert [path.name for path in tmp_path.iterdir()] == [f"taken.{kind}"]


def test_failure_while_writing_keeps_the_older_file(tmp_path):
    target = tmp_path / "clip.gif"
    target.write_bytes(b"older")

    def write_half():
        with written_aside(target) as aside:
            aside.write_bytes(b"half")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        write_half()
    assert target.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [target]


WRITES_FOR_LONG = """
import sys, time
from nuwa_hf.media.whole_files import written_aside
with written_aside(sys.argv[1]) as aside:
    aside.write_text("half")
    print("half", flush=True)
    time.sleep(120)
"""


def test_what_a_killed_process_left_is_removed_and_what_another_writes_stays(tmp_path):
    command = [sys.executable, "-c", WRITES_FOR_LONG, str(tmp_path / "scores.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout.readline() == "half\n"
            (half,) = tmp_path.iterdir()
            remove_left_aside(tmp_path)
            assert half.read_text() == "half"
        finally:
            writer.kill()
    (tmp_path / ".mine.part").touch()
    remove_left_aside(tmp_path, "scores.js")
    assert half.exists()
    remove_left_aside(tmp_path, "scores.json")
    assert [path.name for path in tmp_path.iterdir()] == [".mine.part"]
    remove_left_aside(tmp_path / "missing")


def test_what_another_machine_left_is_removed_after_a_day(tmp_path):
    left = [tmp_path / name for name in (".clip.mp4.0123456789abcdef.part", ".clip.mp4.01234567.part")]
    for path in left:
        path.touch()
    remove_left_aside(tmp_path)
    assert all(path.exists() for path in left)
    for path in left:
        os.utime(path, times=(time.time() - 90_000,) * 2)
    remove_left_aside(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_name_of_a_file_aside_fits_where_that_of_the_file_does(tmp_path):
    path = tmp_path / ("\U0001f30d" * 62 + ".gif")
    write_gif(noise_clip(), path, fps=4)
    assert list(tmp_path.iterdir()) == [path]


def test_enlarged_pixels_are_squares_of_one_colour():
    clip = noise_clip(2)
    for small, large in zip(clip, enlarge(clip, 3), strict=True):
        assert np.array_equal(large, np.asarray(small).repeat(3, axis=0).repeat(3, axis=1))
    with pytest.raises(ValueError, match="`factor`"):
        enlarge(clip, 0)


def test_contact_sheet_holds_every_frame_unchanged(tmp_path):
    clips = [noise_clip(3, (40, 30)), flat_clip(2)]
    sheet = contact_sheet(clips, ["a red apple", "ein Bär, 龙 and a very long caption that needs more than one line"])
    write_png(sheet, tmp_path / "sheet.png")
    with PIL.Image.open(tmp_path / "sheet.png") as image:
        pixels = np.asarray(image)
    for clip in clips:
        for frame in clip:
            assert contains(pixels, np.asarray(frame))
    with pytest.raises(ValueError, match="captions"):
        contact_sheet(clips, ["one"])


@pytest.mark.parametrize("caption", ["a red apple", "ein Bär"])
def test_the_letters_of_a_contact_sheet_grow_with_the_frames(caption):
    small, large = (
        contact_sheet([[PIL.Image.new("RGB", (size, size), "white")] * 2], [caption]) for size in (128, 512)
    )
    dark = [PIL.ImageOps.invert(sheet.convert("L")).getbbox() for sheet in (small, large)]
    rows, more_rows = (bottom - top for _, top, _, bottom in dark)
    assert more_rows >= 3 * rows


def test_captions_are_in_signs_that_their_font_has_whatever_fonts_there_are(monkeypatch):
    captions = ["ein Bär, ½", "кошка", "一只龙", "plain"]
    for has_fonts in (True, False):
        if not has_fonts:
            monkeypatch.setattr(caption_fonts, "_fonts", lambda size: [load_default(size)])
        font, texts = caption_fonts.with_font(captions, caption_fonts.SIZE)
        box = bytes(font.getmask(caption_fonts.NO_SIGN))
        assert all(bytes(font.getmask(sign)) != box for text in texts for sign in text if not sign.isspace())
        assert texts[3] == "plain"
    assert texts == ["ein Bar, \\xbd", r"\u043a\u043e\u0448\u043a\u0430", r"\u4e00\u53ea\u9f99", "plain"]


def contains(pixels, part):
    height, width, _ = part.shape
    corners = np.argwhere((pixels == part[0, 0]).all(-1))
    return any(np.array_equal(pixels[y : y + height, x : x + width], part) for y, x in corners)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".png", 0), (".webp", 0), (".JPG", 12), (".jpeg", 12)])
def test_image_is_written_in_the_format_of_its_suffix(tmp_path, suffix, tolerance):
    picture = PIL.Image.linear_gradient("L").resize((20, 16)).convert("RGB")  # JPEG keeps smooth pictures nearly
    write_image(picture, tmp_path / f"picture{suffix}")
    with PIL.Image.open(tmp_path / f"picture{suffix}") as image:
        assert np.abs(np.subtract(image.convert("RGB"), picture, dtype=int)).max() <= tolerance
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["picture", "picture.gif"])
def test_image_of_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="must end in"):
        write_image(flat_clip(1)[0], tmp_path / name)
    assert not list(tmp_path.iterdir())
