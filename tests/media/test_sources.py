# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""Whatever stands for an image or a clip gives the same frames with the same times, or says what is wrong."""

import gzip
import os
import struct
import subprocess
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import PIL.Image
import pytest
from clip_folders import pictures, save_animation

from nuwa_hf.datasets.media_endings import MEDIA_ENDINGS
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.media import Media
from nuwa_hf.media.resizing import fit_picture, middle_box
from nuwa_hf.media.sources import is_still, open_media, stored_name
from nuwa_hf.pipelines.image_input import load_image


def frames_of(media):
    with open_media(media) as opened:
        return list(opened.frames())


def arrays(frames):
    return np.stack([np.array(frame.picture().convert("RGB")) for frame in frames])


def write_video(path, frames, rate, codec="libx264", **options):
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_image(frame)))
        file.mux(stream.encode())
    return path


def test_a_device_or_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", "/dev/zero"):
        with pytest.raises(BrokenMediaError, match="is a device or a pipe"), open_media(path):
            pass


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_animations_have_their_frames_and_times(tmp_path, suffix):
    path, expected = tmp_path / f"clip{suffix}", pictures(4, 0)
    options = {"lossless": True} if suffix == ".webp" else {}
    expected[0].save(path, save_all=True, append_images=expected[1:], duration=[100, 300, 200, 50], **options)
    frames = frames_of(str(path))
    assert [frame.time for frame in frames] == [Fraction(t, 10) for t in (0, 1, 4, 6)]
    assert frames[-1].duration == Fraction(1, 20)
    assert np.array_equal(arrays(frames), np.stack([np.array(frame) for frame in expected]))
    assert frames_of(path.read_bytes())[3].time == frames[3].time
    assert not is_still(str(path))


@pytest.mark.parametrize("rate", [10, 25])
def test_videos_have_their_frames_and_times_from_the_path_or_the_bytes(tmp_path, rate):
    expected = pictures(6, 1, size=(32, 48))
    path = write_video(tmp_path / "clip.mp4", expected, rate, crf="4")
    for media in ({"path": str(path), "bytes": None}, {"path": None, "bytes": path.read_bytes()}):
        frames = frames_of(media)
        assert [frame.time for frame in frames] == [Fraction(k, rate) for k in range(6)]
        assert frames[-1].duration == Fraction(1, rate)
        # Colours are stored at half the resolution and rounded.
        assert np.abs(arrays(frames).astype(int) - np.stack([np.array(one) for one in expected])).mean() < 16
    assert not is_still(str(path))


def test_a_still_image_is_a_clip_of_one_frame(tmp_path):
    (expected,) = pictures(1, 2)
    expected.save(tmp_path / "image.png")
    for media in (str(tmp_path / "image.png"), expected):
        (frame,) = frames_of(media)
        assert (frame.time, frame.duration) == (0, 0)
        assert np.array_equal(arrays([frame])[0], np.array(expected))
        assert is_still(media)


@pytest.mark.parametrize("name", ["clip.gif", "clip.mp4", "clip.png", "text.mp4", "empty.gif", "absent.gif", None])
def test_what_cannot_be_decoded_is_a_broken_clip(tmp_path, name):
    save_animation(pictures(3, 0), tmp_path / "clip.gif")
    save_animation(pictures(3, 0), tmp_path / "clip.png")
    write_video(tmp_path / "clip.mp4", pictures(9, 0, size=(32, 48)), 10)
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        path.write_bytes(data[: 60 if path.suffix == ".png" else len(data) // 3 if path.suffix == ".mp4" else 20])
    (tmp_path / "text.mp4").write_text("not a video at all")
    (tmp_path / "empty.gif").touch()
    with pytest.raises(BrokenMediaError):
        frames_of(None if name is None else str(tmp_path / name))
    assert name is None or not is_still(str(tmp_path / name))


def test_bytes_behind_the_last_box_of_an_mp4_do_not_make_it_cut_off(tmp_path):
    """Some cameras write data there whose first bytes, read as a box, reach beyond the end."""
    whole = write_video(tmp_path / "clip.mp4", pictures(6, 0, size=(32, 48)), 10).read_bytes()
    assert len(frames_of(whole + b"&&&&" + bytes(range(60)))) == 6
    with pytest.raises(BrokenMediaError, match="is cut off"):
        frames_of(whole[: whole.index(b"mdat") + 20])


def eps():
    file = BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(file, "EPS")
    return file.getvalue()


def packed_fits(side):
    """A black FITS picture whose pixels are packed with gzip."""
    table = {"XTENSION": "'BINTABLE'", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 0, "NAXIS2": 0}
    picture = {"ZIMAGE": "T", "ZCMPTYPE": "'GZIP_1  '", "ZBITPIX": 8, "ZNAXIS": 2, "ZNAXIS1": side, "ZNAXIS2": side}
    head = b""
    for unit in ({"SIMPLE": "T", "BITPIX": 8, "NAXIS": 0}, table | picture):
        head += b"".join(f"{key:8}= {value}".ljust(80).encode() for key, value in unit.items())
        head = (head + b"END").ljust(-(-(len(head) + 3) // 2880) * 2880)
    return head + gzip.compress(bytes(4 * side**2)).ljust(2880, b"\0")


@pytest.mark.parametrize("data", [eps(), packed_fits(8)], ids=["EPS", "FITS"])
def test_formats_that_start_programs_or_read_without_bound_are_refused(tmp_path, monkeypatch, data):
    """Pillow calls Ghostscript for an EPS, and makes lists of all bytes of a packed FITS."""
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **settings: started.append(arguments))
    path = tmp_path / "x.png"
    path.write_bytes(data)
    assert PIL.Image.open(path).size == (8, 8)
    with pytest.raises(ValueError, match=r"^`image` must be an image file, PNG, JPEG, .* of no known image format.*$"):
        load_image(path, "image")
    with pytest.raises(BrokenMediaError, match=r"cannot be decoded|has no video stream"):
        frames_of(path)
    assert not started


@pytest.mark.parametrize(
    "ending",
    [
        *("apng", "avif", "bmp", "dib", "gif", "j2k", "jfif", "jp2", "jpg", "mpo", "pbm", "pgm", "png", "ppm", "tga"),
        *("tif", "tiff", "webp"),
    ],
)
def test_every_promised_format_is_read(tmp_path, ending):
    assert f".{ending}" in MEDIA_ENDINGS
    picture = PIL.Image.new("1" if ending == "pbm" else "L" if ending == "pgm" else "RGB", (24, 16), 1)
    picture.save(tmp_path / f"image.{ending}")
    assert load_image(tmp_path / f"image.{ending}", "image").size == (24, 16)


def test_a_video_of_huge_frames_is_refused_before_one_is_decoded(tmp_path):
    data = bytearray(write_video(tmp_path / "clip.ivf", pictures(2, 0, (32, 48)), 10, "libvpx").read_bytes())
    first = data.index(b"\x9d\x01\x2a") + 3  # the size in the first frame's head
    data[12:16] = data[first : first + 4] = struct.pack("<HH", 16_383, 11_000)
    too_many = "has too many pixels to be read safely: frames of 16383x11000"
    for read in (Media.count_frames, Media.seconds, lambda media: next(media.frames())):
        with open_media(bytes(data)) as media, pytest.raises(BrokenMediaError, match=too_many) as error:
            read(media)
        assert error.value.remedy == "shrink it first"


def test_the_middle_is_the_largest_box_of_the_aspect_with_equal_margins():
    assert middle_box(12, 16, 8, 8) == (2, 0, 14, 12)
    assert middle_box(16, 12, 8, 8) == (0, 2, 12, 14)
    random = np.random.default_rng(0)
    for rows, columns, height, width in random.integers(1, 200, (100, 4)).tolist():
        left, top, right, bottom = middle_box(rows, columns, height, width)
        assert left == pytest.approx(columns - right)
        assert top == pytest.approx(rows - bottom)
        assert (right - left) * height == pytest.approx((bottom - top) * width)
        assert min(left, top) == pytest.approx(0, abs=1e-9)


def test_fitting_keeps_pixels_of_the_right_size_and_cuts_the_sides_of_others():
    picture = pictures(1, 0, size=(8, 16))[0]
    fitted = fit_picture(picture, 8, 16)
    assert np.array_equal(fitted, np.array(picture))
    assert np.array_equal(fit_picture(picture, 8, 8), np.array(picture)[:, 4:12])
    assert fit_picture(picture, 24, 12).shape == (24, 12, 3)


def test_modes_are_brought_to_eight_bits_on_white():
    grey = np.arange(16, dtype=np.uint16).reshape(4, 4) * 4369
    assert np.array_equal(fit_picture(PIL.Image.fromarray(grey), 4, 4)[..., 0], grey // 257)
    clear = PIL.Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (fit_picture(clear, 4, 4) == 255).all()
    assert fit_picture(PIL.Image.new("L", (4, 4), 7), 4, 4).tolist() == np.full((4, 4, 3), 7).tolist()


def test_names_are_those_of_files():
    assert stored_name({"path": "zip://clips/a.mp4::/data/b.zip", "bytes": None}) == "a.mp4"
    assert stored_name("x/y.gif") == "y.gif"
    assert stored_name({"path": None, "bytes": b""}) is None
