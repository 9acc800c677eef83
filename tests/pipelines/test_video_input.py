# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
import av
import numpy as np
import PIL.Image
import pytest
import torch
from tiny import FRAME_RATE, FRAME_SIZE, VISUAL_GRID

from nuwa_hf.media import write_gif, write_mp4
from nuwa_hf.pipelines.clip_sampling import ClipSampler
from nuwa_hf.pipelines.image_input import prepare_images
from nuwa_hf.pipelines.video_input import prepare_videos


WIDTH, HEIGHT = FRAME_SIZE
FRAMES = VISUAL_GRID[0]


def prepare(video, height=HEIGHT, width=WIDTH):
    prepared = prepare_videos(video, height=height, width=width, sampler=ClipSampler(FRAME_RATE))
    assert prepared.pixels.dtype == torch.float32
    assert prepared.pixels.ndim == 5
    assert (len(prepared.pixels), *prepared.pixels.shape[2:]) == (len(prepared.sizes), 3, height, width)
    return prepared


def clip_array(seed=0, num_frames=FRAMES, height=HEIGHT, width=WIDTH):
    """Frames `(T, Y, X, 3)` of 30 colours, which a GIF keeps exactly."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (30, 3), dtype=np.uint8)[rng.integers(0, 30, (num_frames, height, width))]


def pictures(array):
    return [PIL.Image.fromarray(frame) for frame in array]


def to_tensor(array):
    return torch.from_numpy(array).movedim(-1, -3)


def smooth_clip(num_frames=5, size=(32, 24)):
    """What a video codec keeps nearly."""
    y, x = np.mgrid[: size[1], : size[0]]
    frames = [np.stack([x * 6 + 10 * t, y * 8, 128 + 0 * x], -1).clip(0, 255) for t in range(num_frames)]
    return [PIL.Image.fromarray(frame.astype(np.uint8)) for frame in frames]


def test_every_form_of_a_clip_gives_the_same_pixels(tmp_path):
    array = clip_array()
    frames = pictures(array)
    paths = [tmp_path / f"{place}.png" for place in range(FRAMES)]
    for frame, path in zip(frames, paths, strict=True):
        frame.save(path)
    write_gif(frames, tmp_path / "clip.gif", fps=4)
    frames[0].save(tmp_path / "clip.png", save_all=True, append_images=frames[1:], duration=1000 // FRAME_RATE)
    expected = to_tensor(array)[None].float() / 255
    forms = [frames, tuple(frames), paths, [str(path) for path in paths], array, to_tensor(array), list(array)]
    forms += [list(to_tensor(array)), [frames[0], paths[1], array[2]], to_tensor(array) / 255]
    forms += [tmp_path / "clip.gif", str(tmp_path / "clip.png")]
    for form in forms:
        found = prepare(form)
        assert torch.equal(found.pixels, expected)
        assert found.sizes == [(HEIGHT, WIDTH)]
    assert torch.equal(prepare(forms).pixels, expected.expand(len(forms), -1, -1, -1, -1))
    with PIL.Image.open(tmp_path / "clip.gif") as picture:
        assert torch.equal(prepare(picture).pixels, expected)


def test_every_form_of_a_batch_gives_its_clips(tmp_path):
    arrays = np.stack([clip_array(seed) for seed in range(2)])
    expected = to_tensor(arrays).float() / 255
    paths = [tmp_path / "0.gif", tmp_path / "1.gif"]
    for array, path in zip(arrays, paths, strict=True):
        write_gif(pictures(array), path, fps=4)
    lists = [pictures(array) for array in arrays]
    for batch in (arrays, to_tensor(arrays), list(arrays), lists, paths, [paths[0], lists[1]], (arrays[0], paths[1])):
        assert torch.equal(prepare(batch).pixels, expected)


def test_one_image_is_a_clip_of_one_frame(tmp_path):
    array = clip_array()[0]
    picture = PIL.Image.fromarray(array)
    picture.save(tmp_path / "image.png")
    write_gif([picture], tmp_path / "image.gif", fps=4)
    expected = prepare_images(picture, height=HEIGHT, width=WIDTH).pixels[None]
    for form in (picture, tmp_path / "image.png", tmp_path / "image.gif", array, to_tensor(array), [picture], [array]):
        assert torch.equal(prepare(form).pixels, expected)
    assert torch.equal(prepare([[picture], [picture]]).pixels, expected.expand(2, -1, -1, -1, -1))


def test_frames_are_read_as_images_are(caplog):
    clip = torch.rand(FRAMES, 4, 9, 7)
    assert torch.equal(prepare(clip).pixels[0], prepare_images(clip, height=HEIGHT, width=WIDTH).pixels)
    caplog.clear()
    found = prepare([clip, clip])
    assert found.sizes == [(9, 7), (9, 7)]
    assert [record.message.split(";")[0] for record in caplog.records] == [
        "`video` has transparent pixels",
        "`video` was resized from 9x7 to 8x10 (height x width), the model's size",
    ]


def test_mp4_comes_back_up_to_its_coding(tmp_path):
    clip = smooth_clip()
    write_mp4(clip, tmp_path / "clip.mp4", fps=4)
    found = prepare(tmp_path / "clip.mp4", height=24, width=32)
    expected = prepare(clip, height=24, width=32)
    assert found.sizes == expected.sizes
    assert found.pixels.shape == expected.pixels.shape
    assert (found.pixels - expected.pixels).abs().mean() < 0.02  # halved chroma, crf 16
    assert (prepare(tmp_path / "clip.mp4").pixels - prepare(clip).pixels).abs().mean() < 0.02


def write_video(path, codec="mpeg4", **options):
    with av.open(str(path), "w", **options) as file:
        stream = file.add_stream(codec, rate=4)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for frame in smooth_clip():
            file.mux(stream.encode(av.VideoFrame.from_image(frame)))
        file.mux(stream.encode())


@pytest.mark.parametrize("extension", ["avi", "mkv", "mov"])
def test_other_containers_are_read(tmp_path, extension):
    write_video(tmp_path / f"clip.{extension}")
    found = prepare(tmp_path / f"clip.{extension}", height=24, width=32)
    expected = prepare(smooth_clip(), height=24, width=32)
    assert (found.pixels - expected.pixels).abs().mean() < 0.04  # an older codec


def test_video_filmed_on_its_side_is_turned_upright(tmp_path):
    """A telephone stores frames as its sensor stands and a matrix that turns them a quarter clockwise."""
    write_mp4(smooth_clip(), tmp_path / "clip.mp4", fps=4)
    stored = prepare(tmp_path / "clip.mp4", height=24, width=32).pixels
    data = bytearray((tmp_path / "clip.mp4").read_bytes())
    one, minus_one, zero, unit = ((n % 2**32).to_bytes(4, "big") for n in (1 << 16, -1 << 16, 0, 1 << 30))
    identity, quarter = (b"".join(rows) for rows in ((one, zero, zero, zero, one), (zero, one, zero, minus_one, zero)))
    place = data.index(identity, data.index(b"tkhd"))
    data[place : place + len(quarter)] = quarter
    assert data[place + len(quarter) :].startswith(zero * 3 + unit)
    (tmp_path / "turned.mp4").write_bytes(data)
    found = prepare(tmp_path / "turned.mp4", height=32, width=24)
    assert found.sizes == [(32, 24)]
    assert torch.equal(found.pixels, stored.rot90(-1, (-2, -1)))


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}])
def test_mp4_cut_off_anywhere_is_refused(tmp_path, options):
    """A decoder takes a file whose index is whole and only gives fewer frames."""
    write_video(tmp_path / "clip.mp4", "libx264", options=options)
    whole = (tmp_path / "clip.mp4").read_bytes()
    assert len(prepare(tmp_path / "clip.mp4").pixels[0]) == 5
    for length in {*range(0, len(whole), len(whole) // 40), len(whole) - 1}:
        (tmp_path / "cut.mp4").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="`video` must"):
            prepare(tmp_path / "cut.mp4")


@pytest.mark.parametrize("extension", ["mp4", "gif", "mkv"])
def test_damaged_file_raises_nothing_but_our_error(tmp_path, extension):
    path = tmp_path / f"clip.{extension}"
    if extension == "gif":
        write_gif(pictures(clip_array()), path, fps=4)
    else:
        write_video(path, "libx264")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 6):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            prepare(path)
        except ValueError as error:
            if not str(error).startswith("`video"):
                pytest.fail(f"unclear message: {error}")


def test_file_without_frames_is_refused(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "notes.mp4").write_text("this is no video " * 50)
    for name in ("empty.mp4", "notes.mp4"):
        with pytest.raises(ValueError, match=rf"`video` must be whole and readable, got .*{name}"):
            prepare(tmp_path / name)
    with av.open(str(tmp_path / "sound.wav"), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        file.mux(stream.encode(sound))
        file.mux(stream.encode())
    with pytest.raises(ValueError, match=r"got .*sound\.wav.*, which has no video stream; give a file with pictures"):
        prepare(tmp_path / "sound.wav")
    with av.open(str(tmp_path / "none.avi"), "w") as file:
        stream = file.add_stream("mpeg4", rate=4)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        file.start_encoding()
    with pytest.raises(ValueError, match=r"got .*none\.avi.*, which has no frames"):
        prepare(tmp_path / "none.avi")


def test_film_too_long_for_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("nuwa_hf.pipelines.clip_sampling.MAX_CLIP_FRAMES", 4)
    write_mp4(smooth_clip(), tmp_path / "clip.mp4", fps=4)
    with pytest.raises(ValueError, match=r"clip\.mp4.* has more than 4 frames at 4 a second; cut the clip"):
        prepare(tmp_path / "clip.mp4")


NAN = torch.full((2, 3, 4, 4), float("nan"))
SMALL, LARGE = PIL.Image.new("RGB", (4, 4)), PIL.Image.new("RGB", (6, 4))


@pytest.mark.parametrize(
    ("video", "error", "message"),
    [
        ([], ValueError, "at least one frame, got none"),
        ([[]], ValueError, r"`video\[0\]` must hold at least one frame"),
        (np.zeros((0, 4, 4, 3), np.uint8), ValueError, "at least one frame"),
        (torch.zeros(2, 0, 3, 4, 4), ValueError, r"`video\[0\]` must have at least one frame"),
        (torch.zeros(0, 2, 3, 4, 4), ValueError, "at least one frame"),
        (torch.zeros(2, 3, 0, 4), ValueError, "at least one pixel"),
        ([PIL.Image.new("RGB", (4, 0))], ValueError, "at least one pixel"),
        ([SMALL, LARGE], ValueError, r"`video` must have frames of one size, got 4x4, 4x6 \(height x width\)"),
        ([[SMALL], [SMALL, LARGE][1:], [SMALL, LARGE]], ValueError, "number of frames in a batch, got 1, 1, 2; cut"),
        ([[SMALL, SMALL], [SMALL, LARGE]], ValueError, r"`video\[1\]` must have frames of one size"),
        ([[[SMALL]]], ValueError, r"`video\[0\]` must be a clip, .* got a list of clips; give one clip, or one image"),
        (torch.zeros(1, 1, 2, 3, 4, 4), ValueError, r"must be a clip of shape \(T, C, Y, X\), got"),
        (np.zeros((2, 4, 4, 5), np.uint8), ValueError, r"`video` must be an array of shape"),
        (torch.zeros(5), ValueError, "must be a tensor of shape"),
        (NAN, ValueError, r"`video\[0\]` must have finite numbers"),
        ([SMALL, NAN[0]], ValueError, r"`video\[1\]` must have finite numbers"),
        ([[SMALL, 3]], TypeError, r"`video\[0\]\[1\]` must be a PIL image, .* got int"),
        (None, TypeError, "`video` must be .* got NoneType"),
        ("missing.mp4", OSError, "`video` must be the path of a file"),
        (["missing.mp4"], OSError, r"`video\[0\]` must be the path of a file"),
    ],
)
def test_bad_video_is_refused_with_the_remedy(video, error, message, caplog):
    with pytest.raises(error, match=message):
        prepare(video)
    assert not [record for record in caplog.records if record.name.startswith("nuwa_hf")]
