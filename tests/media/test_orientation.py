# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What stands beside the stored pixels counts: turns, mirrors, the shape of pixels, transparency, hidden pictures."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest

from nuwa_hf.media.colors import to_rgb
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_sampling import sample_frames
from nuwa_hf.media.orientation import square_size
from nuwa_hf.media.sources import open_media


# The four quarters of every stored picture, in the order of reading.
RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 200, 30), (30, 30, 200), (90, 90, 90)
YELLOW = (200, 200, 30)
WIDTH, HEIGHT = 64, 48
TILED_PHOTO = Path(__file__).with_name("tiled_photo.heic")


def stored(kind="RGB"):
    quarters = np.array([[RED, GREEN], [BLUE, GREY]], np.uint8)
    picture = PIL.Image.fromarray(quarters.repeat(HEIGHT // 2, 0).repeat(WIDTH // 2, 1))
    return picture.convert(kind)


def quarters(frame):
    """The colours of the four quarters, as `stored` names them."""
    array = np.asarray(to_rgb(frame.picture())).astype(int)
    rows, columns = array.shape[:2]
    found = [array[y * rows // 4, x * columns // 4] for y in (1, 3) for x in (1, 3)]
    names = {"red": RED, "green": GREEN, "blue": BLUE, "grey": GREY, "yellow": YELLOW, "white": (255, 255, 255)}
    return [min(names, key=lambda name: np.abs(np.subtract(names[name], color)).sum()) for color in found]


def frames_of(source):
    with open_media(source) as media:
        return list(media.frames())


def write_video(path, codec="libx264", pixels="yuv420p", times=None, aspect=None, kind="RGB", metadata=()):
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        stream.time_base = Fraction(1, 10)
        stream.metadata.update(metadata)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        picture = stored(kind)
        if kind == "RGBA":
            alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
            alpha[: HEIGHT // 2, : WIDTH // 2] = 0
            picture.putalpha(PIL.Image.fromarray(alpha))
        for time in times or range(3):
            frame = av.VideoFrame.from_ndarray(
                np.array(picture), format=kind.lower().replace("rgb", "rgb24", kind == "RGB")
            )
            frame.pts, frame.time_base = time, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def with_matrix(path, matrix):
    """The same MP4 with another display matrix, in the units of its track header."""
    data = bytearray(path.read_bytes())
    numbers = [
        b"".join(((n << 16) % 2**32).to_bytes(4, "big") for n in (a, b, 0, c, d))
        for a, b, c, d in ((1, 0, 0, 1), matrix)
    ]
    place = data.index(numbers[0], data.index(b"tkhd"))
    data[place : place + 20] = numbers[1]
    return bytes(data)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), ["red", "green", "blue", "grey"]),
        ((-1, 0, 0, 1), ["green", "red", "grey", "blue"]),  # mirrored left to right, as a front camera does
        ((1, 0, 0, -1), ["blue", "grey", "red", "green"]),
        ((-1, 0, 0, -1), ["grey", "blue", "green", "red"]),
        ((0, 1, -1, 0), ["blue", "red", "grey", "green"]),  # a quarter clockwise
        ((0, -1, 1, 0), ["green", "grey", "red", "blue"]),
        ((0, 1, 1, 0), ["red", "blue", "green", "grey"]),
        ((0, -1, -1, 0), ["grey", "green", "blue", "red"]),
    ],
)
def test_a_video_is_turned_and_mirrored_as_its_display_matrix_says(tmp_path, matrix, expected):
    frame = frames_of(with_matrix(write_video(tmp_path / "clip.mp4"), matrix))[0]
    assert quarters(frame) == expected
    assert frame.picture().size == ((WIDTH, HEIGHT) if matrix[0] else (HEIGHT, WIDTH))


@pytest.mark.parametrize("name", ["clip.avi", "clip.mov"])
@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
def test_motion_jpeg_is_turned_as_the_exif_data_of_its_frames_say(tmp_path, name, orientation):
    exif = PIL.Image.Exif()
    exif[0x010F] = "a camera"
    if orientation is not None:
        exif[0x0112] = orientation
    stored().save(tmp_path / "frame.jpg", quality=95, exif=exif)
    with av.open(str(tmp_path / name), "w") as file:
        stream = file.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for time in range(3):
            packet = av.Packet((tmp_path / "frame.jpg").read_bytes())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, time, time, Fraction(1, 10)
            file.mux(packet)
    still = frames_of(tmp_path / "frame.jpg")[0]  # turned by Pillow
    for frame in frames_of(tmp_path / name):
        assert frame.picture().size == still.picture().size
        assert quarters(frame) == quarters(still)


def test_frames_that_are_too_large_are_refused_by_their_number_or_by_their_pixels():
    with pytest.raises(BrokenMediaError, match="has too many pixels to be read safely: frames of 20000x10000"):
        square_size(20_000, 10_000, Fraction(1))
    with pytest.raises(BrokenMediaError, match="has pixels 100 times as wide as high, which makes frames of 200000x"):
        square_size(2_000, 1_000, Fraction(100))
    assert square_size(13_000, 13_000, None) == (13_000, 13_000)


def test_pixels_that_are_not_square_become_square(tmp_path):
    wide = write_video(tmp_path / "wide.mp4", aspect=Fraction(4, 1))
    assert frames_of(wide)[0].picture().size == (4 * WIDTH, HEIGHT)
    assert quarters(frames_of(wide)[0]) == ["red", "green", "blue", "grey"]
    high = write_video(tmp_path / "high.mp4", aspect=Fraction(1, 2))
    assert frames_of(high)[0].picture().size == (WIDTH, 2 * HEIGHT)
    turned = frames_of(with_matrix(wide, (0, 1, -1, 0)))[0]
    assert turned.picture().size == (HEIGHT, 4 * WIDTH)


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "metadata"),
    [
        ("clip.mov", "png", "rgba", {}),
        ("clip.webm", "libvpx-vp9", "yuva420p", {"alpha_mode": "1"}),
    ],
)
def test_transparent_video_is_put_on_white(tmp_path, name, codec, pixels, metadata):
    path = write_video(tmp_path / name, codec, pixels, kind="RGBA", metadata=metadata)
    assert quarters(frames_of(path)[0]) == ["white", "green", "blue", "grey"]


def test_a_photograph_with_a_second_picture_is_a_still_the_right_way_up(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    stored().save(tmp_path / "photo.jpg", "MPO", save_all=True, append_images=[stored()], exif=exif, quality=95)
    with open_media(tmp_path / "photo.jpg") as media:
        assert media.picture.n_frames == 2
        assert not media.is_clip
        (frame,) = media.frames()
    assert quarters(frame) == ["blue", "red", "grey", "green"]


def test_a_photograph_in_tiles_is_whole():
    pytest.importorskip("pillow_heif")
    with open_media(TILED_PHOTO) as media:
        assert not media.is_clip
        (frame,) = media.frames()
    assert frame.picture().size == (256, 256)
    assert quarters(frame) == ["red", "green", "blue", "yellow"]


def test_a_photograph_in_tiles_is_refused_by_name_without_its_reader(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(BrokenMediaError, match="is a HEIC photograph, which only pillow-heif reads") as error:
        frames_of(TILED_PHOTO)
    assert 'pip install "nuwa_hf[heif]"' in error.value.remedy


def test_the_hidden_picture_of_an_animated_png_is_no_frame(tmp_path):
    hidden, *shown = PIL.Image.new("RGB", (WIDTH, HEIGHT), BLUE), stored(), stored().transpose(0)
    hidden.save(tmp_path / "clip.png", save_all=True, append_images=shown, default_image=True, duration=100)
    found = frames_of(tmp_path / "clip.png")
    assert [frame.time for frame in found] == [0, Fraction(1, 10)]
    assert quarters(found[0]) == ["red", "green", "blue", "grey"]


def test_floating_point_levels_become_greys(tmp_path):
    levels = np.linspace(0, 1, WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH)
    PIL.Image.fromarray(levels).save(tmp_path / "image.tif")
    found = np.asarray(to_rgb(frames_of(tmp_path / "image.tif")[0].picture()))[..., 0]
    assert np.array_equal(found, np.rint(levels * 255).astype(np.uint8))
    with pytest.raises(BrokenMediaError, match="has 0 to 2"):
        to_rgb(PIL.Image.fromarray(levels * 2))


def test_frames_of_a_variable_rate_are_shown_until_the_next_one(tmp_path):
    path = write_video(tmp_path / "clip.mp4", times=(0, 1, 2, 15, 16, 30))
    found = frames_of(path)
    assert [frame.time for frame in found] == [Fraction(time, 10) for time in (0, 1, 2, 15, 16, 30)]
    assert [frame.number for frame in sample_frames(found, 2.5)] == [0, 2, 2, 2, 4, 4, 4, 4]


def test_a_frame_held_for_a_minute_costs_nothing(tmp_path):
    clip = [stored().point(lambda level, place=place: level + place) for place in range(4)]
    clip[0].save(tmp_path / "hold.gif", save_all=True, append_images=clip[1:], duration=[20, 20, 20, 60_000])
    sampled = list(sample_frames(frames_of(tmp_path / "hold.gif"), 2.5))
    assert len(sampled) == 151
    assert len({id(frame.picture()) for frame in sampled}) == 2
