# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import http.server
import io
import resource
import threading
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
import psutil
import pytest
from tiny import FRAME_SIZE

from nuwa_hf.media import write_gif
from nuwa_hf.media.errors import BrokenMediaError
from nuwa_hf.media.frame_sampling import sample_frames
from nuwa_hf.media.pictures import is_animated
from nuwa_hf.media.sources import open_file, open_media
from nuwa_hf.pipelines.image_input import load_image


EXTENSIONS = ["png", "jpg", "gif", "bmp", "tiff", "webp", "avif", "jp2", "tga", "ppm"]


def noise(seed=0, size=FRAME_SIZE):
    rng = np.random.default_rng(seed)
    return PIL.Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def few_colors(seed, size=FRAME_SIZE):
    """A frame of 40 colours that all seeds share."""
    levels = np.random.default_rng(seed).integers(0, 40, (size[1], size[0]))
    colors = np.random.default_rng(99).integers(0, 256, (40, 3), dtype=np.uint8)
    return PIL.Image.fromarray(colors[levels])


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The address of a server on this machine that offers the test's folder."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("NUWA_HF_ALLOW_PRIVATE_URLS", "1")
    handler = partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_url_is_the_file_that_the_server_has(server, tmp_path):
    noise().save(tmp_path / "a b.png")
    assert np.array_equal(load_image(f"{server}/a b.png", "image"), noise())
    with open_file(f"{server}/a b.png") as file:
        assert file.read() == (tmp_path / "a b.png").read_bytes()


def test_url_that_fails_is_an_error_that_says_where(server):
    with pytest.raises(OSError, match=r"`image` must be a URL that .*missing\.png.*downloaded: 404"):
        load_image(f"{server}/missing.png", "image")
    nobody = "http://127.0.0.1:9/image.png"
    with pytest.raises(OSError, match=r"`image` must be a URL .* got 'http://127\.0\.0\.1:9/image\.png'"):
        load_image(nobody, "image")
    with pytest.raises(OSError, match="cannot be downloaded"):
        load_image("http://", "image")


@pytest.mark.parametrize("path", ["missing.png", Path("missing.png"), "", "a cat sleeps " * 100, "nul\0"])
def test_path_without_a_file_is_an_error_with_the_remedy(path):
    with pytest.raises(FileNotFoundError, match=r"`image` must be the path of a file, or a URL .* check the path"):
        load_image(path, "image")


def test_a_folder_is_no_picture_and_the_remedy_is_a_file_in_it(tmp_path):
    with pytest.raises(OSError, match=r"`image` must be the path of a file.* which is a folder; give a file in it"):
        load_image(tmp_path, "image")


def load_or_refuse(path):
    """The picture, or None if it is refused with a message of ours; any other error is a bug."""
    try:
        return load_image(path, "image")
    except ValueError as error:
        return None if str(error).startswith("`image`") else pytest.fail(f"unclear message: {error}")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of broken TIFF tags
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_file_cut_off_anywhere_is_read_right_or_refused(tmp_path, extension):
    path = tmp_path / f"whole.{extension}"
    noise(size=(24, 16)).save(path)
    whole, expected = path.read_bytes(), np.asarray(load_image(path, "image"))
    lengths = range(0, len(whole), max(1, len(whole) // 60))
    found = []
    for length in lengths:
        (tmp_path / "cut").write_bytes(whole[:length])
        found.append(load_or_refuse(tmp_path / "cut"))
    # What is read, lacks only what followed its pixels.
    assert all(np.array_equal(picture, expected) for picture in found if picture is not None)
    assert found.count(None) > 0.8 * len(lengths)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_damaged_bytes_raise_nothing_else(tmp_path, extension):
    path = tmp_path / f"whole.{extension}"
    noise(size=(24, 16)).save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for number in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 120), 3):
            damaged[place] = rng.integers(0, 256)
        if number % 2:
            damaged[len(whole) // 3 :] = bytes(len(whole) - len(whole) // 3)
        (tmp_path / "damaged").write_bytes(damaged)
        load_or_refuse(tmp_path / "damaged")


def test_message_names_the_damaged_file(tmp_path):
    noise().save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:150])
    with pytest.raises(
        ValueError,
        match=r"whole and readable, got .*cut\.png', which cannot be decoded",
    ):
        load_image(tmp_path / "cut.png", "image")
    with PIL.Image.open(tmp_path / "cut.png") as picture, pytest.raises(ValueError, match=r"cut\.png"):
        load_image(picture, "image")
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"got .*notes\.png', which is of no known image format"):
        load_image(tmp_path / "notes.png", "image")


def test_decompression_bomb_is_refused(tmp_path, monkeypatch):
    noise().save(tmp_path / "large.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 30)
    with pytest.raises(ValueError, match=r"`image` must be whole .* which has too many pixels"):
        load_image(tmp_path / "large.png", "image")


def test_a_file_that_asks_for_more_memory_than_there_is_is_refused(tmp_path):
    noise().save(tmp_path / "small.png")
    data = bytearray((tmp_path / "small.png").read_bytes())
    place = data.index(b"IDAT")
    data[place - 4 : place] = (0xEB000000).to_bytes(4, "big")  # the length of its pixels
    (tmp_path / "small.png").write_bytes(data)
    limits, used = resource.getrlimit(resource.RLIMIT_AS), psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, limits[1]))
    try:
        with pytest.raises(ValueError, match=r"`image` must be whole .* which asks for more memory than there is"):
            load_image(tmp_path / "small.png", "image")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_closed_picture_is_refused(tmp_path):
    write_gif([few_colors(0)], tmp_path / "clip.gif", fps=4)
    with PIL.Image.open(tmp_path / "clip.gif") as picture:
        pass
    with pytest.raises(ValueError, match="its file closed"):
        load_image(picture, "image")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(tmp_path, orientation):
    picture = noise()
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "turned.png", exif=exif)
    stored = np.asarray(picture)
    upright = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored.transpose(1, 0, 2)[:, ::-1],  # a quarter turn clockwise
        7: stored.transpose(1, 0, 2)[::-1, ::-1],
        8: stored.transpose(1, 0, 2)[::-1],
    }[orientation]
    assert np.array_equal(load_image(tmp_path / "turned.png", "image"), upright)
    with PIL.Image.open(tmp_path / "turned.png") as opened_picture:
        assert np.array_equal(load_image(opened_picture, "image"), upright)


def frames_of(source):
    with open_media(source) as media:
        return list(media.frames())


@pytest.mark.parametrize("still", [(), (1,), (3,), (1, 2)])
def test_frames_stored_once_and_shown_longer_come_back(tmp_path, still):
    """Writers merge equal frames in a row, so that a clip that stands still for a while would come back shorter."""
    clip = [few_colors(0)]
    for place in range(1, 4):
        clip.append(clip[-1] if place in still else few_colors(place))
    write_gif(clip, tmp_path / "clip.gif", fps=4)
    clip[0].save(tmp_path / "clip.png", save_all=True, append_images=clip[1:], duration=250)
    for name in ("clip.gif", "clip.png"):
        found = list(sample_frames(frames_of(tmp_path / name), 4))
        assert len(found) == 4
        for frame, expected in zip(found, clip, strict=True):
            assert np.array_equal(frame.picture().convert("RGB"), expected)


def test_gif_cut_off_anywhere_is_refused(tmp_path):
    write_gif([few_colors(place) for place in range(3)], tmp_path / "clip.gif", fps=4)
    whole = (tmp_path / "clip.gif").read_bytes()
    for length in range(1, len(whole), 7):
        with pytest.raises(BrokenMediaError):
            frames_of(whole[:length])
    assert len(frames_of(whole + b"what follows the trailer does not count")) == 3


def test_reading_frames_leaves_the_picture_where_it_stood(tmp_path):
    write_gif([few_colors(place) for place in range(3)], tmp_path / "clip.gif", fps=4)
    with PIL.Image.open(tmp_path / "clip.gif") as picture:
        picture.seek(1)
        assert len(frames_of(picture)) == 3
        assert picture.tell() == 1


def test_pages_of_a_document_are_no_clip():
    buffer = io.BytesIO()
    noise().save(buffer, "TIFF", save_all=True, append_images=[noise(1)])
    with PIL.Image.open(buffer) as picture:
        assert picture.n_frames == 2
        assert not is_animated(picture)
        assert len(frames_of(picture)) == 1
